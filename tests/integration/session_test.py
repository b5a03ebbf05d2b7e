"""A user's session: a newcomer who has nothing but --help registers a machine, logs its life, lists, explains,
watches, tags and finds it. Every command used stands in a --help that was read before."""

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time
import unittest

from held_replies import HeldReplies
from site_harness import HOST, Site, run, wait_until

UUID = "6b1a2a9e-0000-4000-8000-0000000000aa"
KEY = f"libvirt-uuid:/{UUID}"


class Session(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = cls.enterClassContext(Site(server_options="slow_query_ms = 1\n"))

    def text(self, *arguments, code=0):
        done = run("lbctl", *arguments, check=False, environment=self.site.environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def help_of(self, *command):
        return self.text(*command, "--help")

    def log(self, event, *fields):
        self.site.logevent("--sync", "--timeout", "10000", "-s", "VMManager", "-k", KEY, "-e", event, *fields)

    def test_1_help_names_every_command_and_each_has_an_example(self):
        overview = self.help_of()
        for command in ("status", "why", "history", "jobs", "events", "count", "watch", "find", "tree", "tag",
                        "index"):
            self.assertRegex(overview, rf"(?m)^ +{command} ")
            self.assertIn("Example", self.help_of(command), command)
        self.assertIn("--libvirt-uuid", self.help_of("register", "vm"))

    def test_1_every_command_has_an_example_in_its_help(self):
        completion = self.text("completion", "bash")
        commands = re.findall(r'(?m)^ +"([a-z -]+)"\) words=', completion)
        self.assertGreater(len(commands), 50)
        for command in commands:
            if any(other.startswith(command + " ") for other in commands):
                continue
            self.assertRegex(self.help_of(*command.split()), r"\bExamples?\b", command)

    def test_1_what_is_misspelt_is_named(self):
        self.assertIn("there is no command 'job' here", self.text("job", code=64))
        self.assertIn("there is no command 'lst' here", self.text("dead", "lst", code=64))
        self.assertIn("a status has no 'hots'", self.text("jobs", "--fields", "jobId,hots", code=65))
        self.assertIn("it calls host vm_phy_hostname", self.text("jobs", "--fields", "jobId,host", code=65))
        self.assertIn("an event has no 'hots'", self.text("events", "--fields", "type,hots", code=65))
        self.assertIn("server /nowhere", self.text("--server", "/nowhere", "jobs", code=69))

    def test_2_registers_and_logs_a_life(self):
        self.text("register", "vm", "--libvirt-uuid", UUID, "--name", "web1", "--owner", "alice")
        started = time.time()
        self.log("VMBoot", "--hostname", HOST)
        self.log("VMRunning", "--hostname", HOST)
        self.assertIn("Running (running)", self.text("status", KEY))
        self.assertLess(time.time() - started, 60)

    def test_3_lists_and_counts(self):
        listed = self.site.lbctl("jobs", f'state=running and host~"{HOST[:2]}*" and entered>-2h')
        self.assertEqual([row["vm_state"] for row in listed], ["running"])
        self.assertEqual(self.site.lbctl("jobs", "--state", "Running", "--owner", "me"), listed)
        self.assertEqual(self.site.lbctl("jobs", "state=Done"), [])
        self.assertEqual(self.site.lbctl("count", "--by", "host"), [{"host": HOST, "count": 1}])
        self.assertEqual(self.site.lbctl("count", "tag.none=x"), [{"count": 0}])
        csv = self.text("jobs", "--fields", "vm_name,state", "-o", "csv")
        self.assertEqual(csv, "vm_name,state\nweb1,Running\n")
        self.assertEqual(self.text("jobs", "-o", "id").strip(), listed[0]["jobId"])

    def test_3_every_list_has_every_form(self):
        process = self.site.status(KEY)["jobId"]
        self.assertEqual(self.text("status", KEY, "-o", "id"), process + "\n")
        head, row = self.text("status", KEY, "-o", "csv").splitlines()
        self.assertEqual(dict(zip(head.split(","), row.split(",")))["vm_state"], "running")
        history = self.site.lbctl("history", KEY)
        self.assertEqual(self.text("history", KEY, "-o", "id").split(), [event["event_id"] for event in history])
        lines = self.text("history", KEY, "-o", "csv").splitlines()
        self.assertEqual((lines[0].split(",")[:2], len(lines)), (["time", "type"], 1 + len(history)))
        self.assertIn(f",{process},", self.text("tree", KEY, "-o", "csv"))
        for command in (("spool", "list"), ("dead", "list"), ("token", "list"), ("index", "list")):
            self.assertRegex(self.text(*command, "-o", "csv").splitlines()[0], r"^[a-z_]+(,[a-z_]+)+$", command)
        # What prints no rows says so, instead of printing something else.
        for form in ("csv", "id"):
            self.assertIn(f"there is no --output {form} of it", self.text("why", KEY, "-o", form, code=65))

    def test_3_a_table_is_as_wide_and_as_coloured_as_the_terminal(self):
        def table(**environment):
            ours, theirs = pty.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
            done = subprocess.run(["lbctl", "jobs"], stdin=subprocess.DEVNULL, stdout=theirs, timeout=60, check=True,
                                  env={**self.site.environment, "TERM": "xterm", **environment})
            self.assertEqual(done.returncode, 0)
            os.close(theirs)
            text = b""
            with contextlib.suppress(OSError):  # the end of a terminal
                while data := os.read(ours, 65536):
                    text += data
            os.close(ours)
            return text.decode()
        coloured = table()
        self.assertIn("\x1b[32mRunning", coloured)
        for other in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b", table(**other))
        lines = re.sub("\x1b\\[[0-9]*m", "", coloured).splitlines()
        self.assertGreater(len(lines), 1)
        self.assertLessEqual(max(map(len, lines)), 60)
        self.assertTrue(any(line for line in lines if "\u2026" in line), lines)

    def test_3_what_lasts_shows_that_it_goes_on(self):
        for words, progress, answer in ((("count",), "0 rows in 0 pages", "COUNT\n1\n"),
                                        (("status", KEY, "-o", "id"), "no answer yet", "https://")):
            with HeldReplies(self.site.environment["LB_SERVER"]) as held:
                asking = subprocess.Popen(["lbctl", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                          env={**self.site.environment, "LB_SERVER": held.path})
                self.assertRegex(asking.stderr.readline(), rf"^{progress}, \d+ s$")
                held.release()
                out, _ = asking.communicate(timeout=60)
            self.assertEqual(asking.returncode, 0)
            self.assertTrue(out.startswith(answer), out)

    def test_4_a_wrong_query_says_where(self):
        complaint = self.text("jobs", "state=running and hots=a", code=65)
        self.assertIn("character 19: there is no attribute 'hots'; did you mean 'host'?", complaint)
        self.assertRegex(complaint, r"\n {2} {18}\^")

    def test_5_events_are_found_by_what_they_say(self):
        events = self.site.lbctl("events", f'type in (VMBoot, VMRunning) and time>-1h and process="{KEY}"')
        self.assertEqual([row["type"] for row in events], ["VMBoot", "VMRunning"])
        fields = self.site.lbctl("events", f"field.hostname={HOST} and process.state=Running", "--sort", "-time")
        self.assertEqual([row["type"] for row in fields], ["VMRunning", "VMBoot"])
        self.assertEqual(self.site.lbctl("count", "--events", "type=VMBoot"), [{"count": 1}])

    def test_5_processes_and_events_are_counted_by_groups(self):
        self.text("register", "vm", "--key", "one-vmid:cloud1/42", "--name", "db1")
        self.text("register", "vm", "--key", "one-vmid:cloud2/42", "--name", "db2")
        clouds = {row["cloud"]: row["count"] for row in self.site.lbctl("count", "--by", "cloud")}
        self.assertEqual(clouds, {"": 1, "one-vmid:cloud1": 1, "one-vmid:cloud2": 1})
        self.assertEqual(self.site.lbctl("jobs", 'cloud~"*cloud2"', "--fields", "vm_name"), [{"vm_name": "db2"}])
        hours = self.site.lbctl("count", "--events", "type=VMRunning", "--by", "hour")
        self.assertEqual(sum(row["count"] for row in hours), 1)
        self.assertIn("there are type, hour", self.text("count", "--events", "--by", "cloud", code=65))

    def test_6_explains(self):
        why = self.site.lbctl("why", KEY)[0]
        self.assertEqual(why["decided_by"]["type"], "VMRunning")
        self.assertIn("decided by", self.text("why", KEY, "vm_phy_hostname"))

    def test_6_the_job_on_a_machine_is_inferred_from_its_node(self):
        self.site.logevent("--sync", "--timeout", "10000", "-s", "CloudManager", "-k", KEY, "-e", "VMCreate",
                           "--hostname", "web1.example.org")
        jobs = {}
        for name, node in (("here", "web1.example.org"), ("elsewhere", "web2.example.org")):
            jobs[name] = self.text("register", "job").split()[-1]
            self.site.logevent("--sync", "--timeout", "10000", "-s", "LogMonitor", "-j", jobs[name], "-e", "Running",
                               "--node", node)
        machine = self.site.status(KEY)["jobId"]
        rows = {row["jobId"]: row for row in self.site.lbctl("tree", KEY)}
        self.assertEqual(set(rows), {machine, jobs["here"]})
        self.assertEqual((rows[jobs["here"]]["relation"], rows[jobs["here"]]["inferred"]), ("ran here", True))
        self.assertIn("ran here (inferred): " + jobs["here"], self.text("tree", KEY))
        self.assertIn("ran on (inferred): " + machine, self.text("tree", jobs["here"]))
        # What somebody said is no guess, and stands there once.
        self.site.logevent("--sync", "--timeout", "10000", "-s", "UserInterface", "-j", jobs["here"], "-e",
                           "ConnectJob", "--dest_jobid", machine, "--jobtype", "VIRTUAL_MACHINE")
        tree = self.text("tree", KEY)
        self.assertNotIn("inferred", tree)
        self.assertEqual(tree.count(jobs["here"]), 1)

    def test_7_watches_and_sees_the_past(self):
        watching = subprocess.Popen(["lbctl", "watch", "owner=me", "--limit", "1", "--json"], stdout=subprocess.PIPE,
                                    text=True, env=self.site.environment)
        time.sleep(1.5)
        before = self.site.lbctl("status", KEY)[0]["lastUpdateTime"]
        self.log("VMStop", "--hostname", HOST)
        out, _ = watching.communicate(timeout=30)
        change = json.loads(out)
        self.assertEqual((change["old_vm_state"], change["vm_state"]), ("running", "stopped"))
        self.assertEqual(self.site.lbctl("status", KEY)[0]["vm_state"], "stopped")
        self.assertEqual(self.site.lbctl("status", KEY, "--at", before)[0]["vm_state"], "running")
        # And all that were so then.
        then = f"vm_state_at.{before}=running and host_at.{before}={HOST} and state_at.{before}=Running"
        self.assertEqual([row["vm_state"] for row in self.site.lbctl("jobs", then)], ["stopped"])
        self.assertEqual(self.site.lbctl("jobs", then + " and state_at.-1h"), [])
        self.assertEqual(self.site.lbctl("events", f"type=VMBoot and process.host_at.{before}={HOST}", "--fields", "type"),
                         [{"type": "VMBoot"}])
        self.assertEqual(self.site.lbctl("status", KEY, "--known-at", "-0s")[0]["vm_state"], "stopped")
        self.assertIn("nothing was known", self.text("status", KEY, "--at", "-1h", code=1))

    def test_8_tags_and_finds(self):
        self.text("tag", KEY, "project=alpha", "colour=dark red")
        found = self.site.lbctl("jobs", 'tag.project=alpha and tag.colour~"*red"')
        self.assertEqual(len(found), 1)
        self.assertIn("is no tag; write NAME=VALUE", self.text("tag", KEY, "alpha", code=65))
        self.assertEqual(self.site.lbctl("find", "name", "web1")[0]["jobId"], found[0]["jobId"])
        placed = self.site.lbctl("find", "host", HOST)[0]
        self.assertIn("from", placed)
        self.assertIn("no process had the host", self.text("find", "host", HOST, "--at", "2020-01-01", code=1))
        tree = self.text("tree", KEY)
        self.assertRegex(tree, re.escape(f"on {HOST} from "))

    def test_8_an_address_is_found_while_and_after_the_machine_had_it(self):
        address, card = "192.0.2.7", "52:54:00:00:00:07"
        self.log("VMNetwork", "--operation", "ADD", "--ip", address, "--mac", card, "--hostname", "web1.example.org")
        held = self.site.lbctl("find", "ip", address)[0]
        self.assertEqual(held["jobId"], self.site.status(KEY)["jobId"])
        self.assertEqual(self.site.lbctl("find", "mac", card), [held])
        self.assertNotIn("to", held)
        self.log("VMNetwork", "--operation", "REMOVE", "--ip", address, "--mac", card)
        given_up = self.site.lbctl("find", "ip", address)[0]
        self.assertEqual(given_up["from"], held["from"])
        self.assertEqual(self.site.lbctl("find", "ip", address, "--at", held["from"]), [given_up])
        self.assertIn("no process had the ip", self.text("find", "ip", address, "--at", given_up["to"], code=1))
        self.assertIn("no process had the mac", self.text("find", "mac", "52:54:00:00:00:08", code=1))

    def test_8_a_host_is_a_tree_by_its_short_and_its_full_name(self):
        self.log("VMRunning", "--hostname", HOST)
        self.site.wait_for(KEY, vm_state="running")
        short = HOST.split(".")[0]
        # Of a short name in the events any full one is meant.
        full = HOST if HOST != short else short + ".example.org"
        for name in (full, short, "host:/" + short):
            rows = self.site.lbctl("tree", name)
            self.assertEqual([row.get("vm_hostname") for row in rows][:1], [name.removeprefix("host:/")], rows)
            carried = [row for row in rows if row.get("relation") == "carries"]
            self.assertEqual([row["vm_name"] for row in carried], ["web1"], rows)
        # The mere name of a host is no id.
        self.assertEqual(self.text("tree", short, "-o", "id").split()[0], carried[0]["jobId"])
        self.assertIn("no process", self.text("tree", "nowhere", code=1))

    def test_9_indices_come_and_go(self):
        name = self.text("index", "add", "owner", "entered").strip()
        self.assertEqual(name, "q_owner_entered_us")
        self.assertIn(name, self.text("index", "list"))
        self.assertIn("already", self.text("index", "add", "owner", "entered", code=65))
        self.text("index", "drop", name)
        self.assertNotIn(name, self.text("index", "list"))
        self.assertIn("no index", self.text("index", "drop", "owner", code=1))
        log = self.site.server.log.read_text()
        for act in ("added", "dropped"):
            self.assertRegex(log, rf"BKS_AUDIT_DONE: uid:\d+@\S+ {act} index {name}")

    def test_9_what_was_slow_is_in_the_log_with_its_plan(self):
        query = 'tag.none!="x*" and id~"*a*"'

        def is_told():
            self.site.lbctl("jobs", query)
            log = self.site.server.log.read_text()
            return re.search(r"BKS_SLOW_QUERY: a statement took \d+ ms: SELECT .*; plan: \{.*query_block", log) and \
                f"ms: processes: {query}" in log
        wait_until(is_told, "a slow query in the log", 60)


class LongQuestion(unittest.TestCase):
    """A question that the database cannot answer in time is ended; the server goes on."""

    @classmethod
    def setUpClass(cls):
        cls.site = cls.enterClassContext(Site(server_options="query_seconds_max = 1\nslow_query_ms = 0\n"))

    @contextlib.contextmanager
    def held_table(self):
        """As long as this holds it, nobody reads the table of processes."""
        database = f"--socket={self.site.server.runtime}/mariadb/mariadb.sock"
        with subprocess.Popen(["mariadb", "--no-defaults", "-uroot", database, "--unbuffered", "-N", "lb"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            holder.stdin.write("LOCK TABLES process WRITE; SELECT 'held';\n")
            holder.stdin.flush()
            self.assertEqual(holder.stdout.readline(), "held\n")
            yield

    def test_it_is_ended_and_told_and_the_server_goes_on(self):
        self.site.lbctl("register", "vm", "--libvirt-uuid", UUID)
        with self.held_table():
            for words in (("jobs",), ("count", "--by", "host")):
                done = run("lbctl", *words, check=False, environment=self.site.environment)
                self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
                self.assertIn("the database took longer than a question may: ask for less", done.stderr)
        self.assertEqual(len(self.site.lbctl("jobs")), 1)
        self.assertEqual(self.site.lbctl("count"), [{"count": 1}])
        log = self.site.server.log.read_text()
        self.assertRegex(log, r"BKS_QUERY_ENDED: a statement was ended after \d+ ms: SELECT .*; plan: not known")
        self.assertEqual(log.count("BKS_QUERY_ENDED"), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
