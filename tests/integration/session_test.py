"""A user's session: a newcomer who has nothing but --help registers a machine, logs its life, lists, explains,
watches, tags and finds it. Every command used stands in a --help that was read before."""

import json
import re
import subprocess
import time
import unittest

from site_harness import HOST, SiteTest, run

UUID = "6b1a2a9e-0000-4000-8000-0000000000aa"
KEY = f"libvirt-uuid:/{UUID}"


class Session(SiteTest):
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
