"""The main job end to end: captured calls through the real hook, three daemons, TLS and database."""

import datetime
import time
import unittest

from hook_calls import read_calls
from site_harness import HOST, SiteTest, run, wait_until


class Chain(SiteTest):
    def play(self, calls):
        for call in calls:
            self.site.hook(*call.arguments, stdin=call.xml)
        return "libvirt-uuid:/" + calls[0].uuid

    def sql(self, statement):
        database = f"--socket={self.site.server.runtime}/mariadb/mariadb.sock"
        return run("mariadb", "--no-defaults", database, "-N", "-e", statement).stdout

    def query_loggers(self, column):
        return self.sql(f"SELECT {column} FROM lb.logger JOIN lb.dictionary ON number = host").split()

    def events_of(self, key):
        return [row["type"] for row in self.site.lbctl("history", key)]

    def test_1_a_life_is_adopted_and_taken_over(self):
        calls = read_calls("single-host", "002", "012")
        key = self.play(calls[:3])
        status = self.site.wait_for(key, vm_state="running", state="Running", vm_phy_hostname=HOST, adopted=True)
        self.assertNotIn("owner", status)
        machine = self.site.lbctl("register", "vm", "--libvirt-uuid", calls[0].uuid, "--name", "lbtest")[0]["process"]
        status = self.site.wait_for(machine, vm_state="running", vm_name="lbtest")
        self.assertNotIn("adopted", status)
        self.assertEqual(status["jobId"], machine)
        self.play(calls[3:5])  # managed save
        self.site.wait_for(machine, vm_state="stopped", state="Waiting")
        self.play(calls[5:9])  # started from it
        self.site.wait_for(machine, vm_state="running")
        self.play(calls[9:])
        self.site.wait_for(machine, vm_state="stopped")
        self.assertEqual([word for word in self.events_of(machine) if word not in ("RegJob", "VMCreate")],
                         ["VMBoot", "VMRunning", "VMStop", "VMResume", "VMBoot", "VMRunning", "VMStop"])
        why = self.site.lbctl("why", machine)[0]
        self.assertEqual(why["decided_by"]["type"], "VMStop")
        self.assertEqual(why["decided_by"]["host"], HOST)
        self.assertTrue(why["overruled"])
        self.assertEqual([(said["source"], said["event"]) for said in why["evidence"]],
                         [("UserInterface", "RegJob"), ("VMManager", "VMStop")])

    def test_2_a_start_that_fails(self):
        key = self.play(read_calls("single-host", "018", "020"))
        self.site.wait_for(key, vm_state="failure", state="Done", done_code="FAILED")

    def test_3_guests_that_end_by_themselves(self):
        for first, last in (("013", "017"), ("029", "033")):
            key = self.play(read_calls("single-host", first, last))
            self.site.wait_for(key, vm_state="stopped")

    def test_4_an_event_waits_for_its_verdict(self):
        uuid = "6b1a2a9e-0000-4000-8000-000000000004"
        self.site.lbctl("register", "vm", "--libvirt-uuid", uuid)
        done = self.site.logevent("--sync", "--timeout", "10000", "-s", "VMManager", "-k", f"libvirt-uuid:/{uuid}",
                                  "-e", "VMRunning", "--hostname", HOST)
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.site.status(f"libvirt-uuid:/{uuid}")["vm_state"], "running")

    def test_5_a_host_is_a_process_too(self):
        machine = self.site.lbctl("register", "machine", HOST)[0]["process"]
        self.site.logevent("-s", "VMManager", "-k", f"host:/{HOST}", "-e", "VMRunning", "--hostname", HOST)
        status = self.site.wait_for(machine, state="Running")
        self.assertEqual(status["jobtype"], "physical_machine")
        listed = [row["jobId"] for row in self.site.lbctl("jobs", "--type", "physical_machine")]
        self.assertEqual(listed, [machine])
        for name in (HOST, HOST.split(".")[0], machine):
            self.assertEqual(self.site.lbctl("tree", name)[0]["jobId"], machine)

    def test_5_who_said_what_of_it_last_and_how_long_ago(self):
        key = "host:/node6"
        ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)
        for event, source in (("VMRunning", "VMSystem"), ("VMHeartbeat", "VMSystem"), ("VMRunning", "CloudManager")):
            self.site.logevent("-t", ago.isoformat(), "-s", source, "-k", key, "-e", event)
        self.site.wait_settled()
        said = self.site.lbctl("why", key)[0]["evidence"]
        self.assertEqual([(row["source"], row["event"]) for row in said],
                         [("CloudManager", "VMRunning"), ("VMSystem", "VMRunning"), ("VMSystem", "VMHeartbeat")])
        for row in said:
            self.assertIn(row["age_s"], range(600, 660))
        self.assertRegex(self.site.run("lbctl", "why", key).stdout, r"VMSystem  \S+  VMHeartbeat  \S+  6\d\d? s ago\n")

    def test_5_a_host_is_heard_by_its_short_name_too(self):
        node = self.site.add_node("node5", certified="node5.example.org")
        self.site.run("lb-logevent", "-s", "VMSystem", "-k", "host:/node5", "-e", "VMHeartbeat", environment=node)
        wait_until(lambda: {"node5", "node5.example.org"} <= set(self.query_loggers("content")),
                   "the host is heard by both names", 60)

    def test_5_a_front_end_that_fell_silent_is_named(self):
        front = "front.example.org"
        node = self.site.add_node(front)
        key = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000005"
        self.site.run("lb-logevent", "-s", "CloudManager", "-H", front, "-k", key, "-e", "VMRunning",
                      "--hostname", HOST, environment=node)
        wait_until(lambda: front in self.query_loggers("content"), "the front end is heard", 60)
        self.site.daemons[-1].stop()  # its forwarder

        def is_long_ago():
            self.sql(f"UPDATE lb.logger JOIN lb.dictionary ON number = host SET seen_us = 1 WHERE content = '{front}'")
            time.sleep(1)  # the server may still write down its last word
            return "1" in self.query_loggers("seen_us")
        wait_until(is_long_ago, "it was heard long ago")
        self.assertEqual(self.site.wait_for(key, vm_state="running")["stale"], [front])

    def test_6_what_a_host_may_not_say_becomes_a_dead_letter(self):
        uuid = "6b1a2a9e-0000-4000-8000-000000000006"
        machine = self.site.lbctl("register", "vm", "--libvirt-uuid", uuid)[0]["process"]
        self.site.logevent("-s", "VMManager", "-k", f"libvirt-uuid:/{uuid}", "-e", "VMRunning",
                           "--hostname", "other.example.org")
        letter = wait_until(lambda: self.site.lbctl("dead", "list"), "a dead letter")[0]
        self.assertEqual(letter["verdict"], "denied")
        self.assertIn("other.example.org", letter["reason"])
        shown = self.site.lbctl("dead", "show", letter["number"])[0]
        self.assertEqual(shown["event"]["type"], "VMRunning")
        self.assertEqual(self.site.lbctl("dead", "replay", letter["number"])[0]["verdict"], "denied")
        self.site.lbctl("dead", "drop", letter["number"])
        self.assertEqual(self.site.lbctl("dead", "list"), [])
        self.assertEqual(self.site.status(machine)["vm_state"], "pending")

    def test_7_the_logger_takes_over_what_was_dropped(self):
        uuid = "6b1a2a9e-0000-4000-8000-000000000007"
        key = f"libvirt-uuid:/{uuid}"
        self.site.logd.stop()
        done = self.site.logevent("-s", "VMManager", "-k", key, "-e", "VMRunning", "--hostname", HOST)
        self.assertIn("Connection refused", done.stderr)
        self.assertEqual(len(list((self.site.directory / "node/drop").iterdir())), 1)
        self.site.logd.start()
        self.site.wait_for(key, vm_state="running")

    def test_8_a_caller_may_not_claim_any_source(self):
        done = run("setpriv", "--reuid=65534", "--clear-groups", "lb-logevent", "-s", "CloudManager", "-k",
                   "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000008", "-e", "VMRunning", check=False,
                   environment=self.site.environment)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("CloudManager", done.stderr)

    def test_8_threads_log_through_the_c_library(self):
        key = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000cc"
        self.site.run("lb-test-client", key, HOST)
        self.site.wait_settled()
        rows = self.site.lbctl("history", key)
        self.assertEqual(len(rows), 101)
        self.assertEqual(len({row["event_id"] for row in rows}), 101)
        carried = next(row for row in rows if row["type"] == "UserTag")
        self.assertTrue(carried["sequence_code"].startswith("UI=000002:NS=0000000001:WM=000001:"), carried)

    def test_9_rebuild_finds_the_same_and_probes_answer(self):
        self.site.wait_settled()
        self.assertGreaterEqual(self.site.must_rebuild_equal(), 5)
        self.assertTrue(self.site.lbctl("server", "health")[0]["ready"])
        self.assertEqual(self.site.lbctl("server", "forwarders")[0]["identity"], f"certificate:/O=lb/CN=host/{HOST}")
        network = {"LB_SERVER": self.site.service, "LB_CA": f"{self.site.pki}/ca.pem",
                   "LB_CERT": f"{self.site.pki}/{HOST}.pem", "LB_KEY": f"{self.site.pki}/{HOST}.key"}
        self.assertEqual(self.site.lbctl("server", "version", environment=network)[0]["service"], self.site.service)
        # Deny by default: whoever is not its owner may not read a machine.
        denied = self.site.run("lbctl", "status", "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000004", check=False,
                               environment=network)
        self.assertEqual(denied.returncode, 77, denied.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
