"""Parents through the whole chain: a collection of some hundred children, a cluster of machines."""

import base64
import hashlib
import unittest

from site_harness import SiteTest, resident_mib, wait_until

CHILDREN = 300
# What the server may grow by for 10,000 children at once.
GROWTH_MIB_MAX = 64


def child_of(parent, index, seed="s"):
    host, unique = parent.rsplit("/", 1)
    digest = hashlib.md5(f"{unique},{seed},{index}".encode()).digest()
    return f"{host}/{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


class Parents(SiteTest):
    def log(self, process, *arguments):
        option = "-j" if process.startswith("https://") else "-k"
        return self.site.logevent(option, process, *arguments)

    def register_collection(self, name, children):
        parent = f"https://{self.site.service}/{name}"
        self.log(parent, "-s", "UserInterface", "-e", "RegJob", "--ns", "-", "--jobtype", "COLLECTION", "--nsubjobs",
                 str(children), "--seed", "s")
        self.site.wait_for(parent, jobtype="collection")
        return parent

    def listed_state(self, process, jobtype):
        """As lists show it: what the settler wrote."""
        rows = self.site.lbctl("jobs", "--type", jobtype, "--limit", "0")
        return next(row["state"] for row in rows if row["jobId"] == process)

    def test_1_a_collection_follows_its_children(self):
        parent = self.register_collection("some-hundred", CHILDREN)
        status = self.site.status(parent)
        self.assertEqual(status["children_hist"], {"Submitted": CHILDREN})
        self.assertEqual(set(status["children"]), {child_of(parent, index) for index in range(CHILDREN)})
        self.log(child_of(parent, 7), "-s", "LogMonitor", "-e", "Running", "--node", "wn7.example.org")
        self.site.wait_for(parent, state="Running")
        wait_until(lambda: self.listed_state(parent, "collection") == "Running", "the settler")
        for index in range(CHILDREN):
            self.log(child_of(parent, index), "-s", "LogMonitor", "-e", "Done", "--status_code", "OK", "--exit_code",
                     "0", "--reason", "-")
        status = self.site.wait_for(parent, seconds=60, state="Done", done_code="OK")
        self.assertEqual(status["children_hist"], {"Done": CHILDREN})
        self.assertEqual(set(status["stateEnterTimes"]), {"Submitted", "Running", "Waiting", "Done"})
        wait_until(lambda: self.listed_state(parent, "collection") == "Done", "the settler")
        self.assertEqual(self.site.lbctl("status", parent, "--known-at", "-0s"), [status])
        entered = status["stateEnterTimes"]["Running"]
        self.assertEqual(self.site.lbctl("status", parent, "--at", entered)[0]["children_hist"],
                         {"Running": 1, "Submitted": CHILDREN - 1})
        why = self.site.lbctl("why", parent)[0]
        self.assertIn(f"counted from its {CHILDREN} children", why["remark"])

    def test_2_ten_thousand_children_at_once(self):
        server = self.site.server.process.pid
        before = resident_mib(server)
        parent = self.register_collection("ten-thousand", 10_000)
        after = resident_mib(server)
        print(f"server {before:.0f} MiB, {after:.0f} with 10,000 children", flush=True)
        self.assertLess(after - before, GROWTH_MIB_MAX)
        status = self.site.status(parent)
        self.assertEqual(status["children_hist"], {"Submitted": 10_000})
        self.assertNotIn("children", status)
        self.assertEqual(status["truncated"], ["children"])
        past = self.site.run("lbctl", "status", parent, "--known-at", "-0s", check=False)
        self.assertNotEqual(past.returncode, 0)
        self.assertIn("ask for the past of some of its children", past.stderr)
        self.assertEqual(self.site.status(child_of(parent, 9_999))["state"], "Submitted")

    def test_3_a_cluster_is_what_its_members_are(self):
        keys = [f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000{index:02}" for index in range(3)]
        for key in keys:
            self.site.lbctl("register", "vm", "--libvirt-uuid", key.split("/")[1])
        members = [word for key in keys[:2] for word in ("--member", key)]
        cluster = self.site.lbctl("register", "cluster", "--name", "web", "--quorum", "2", *members)[0]["process"]
        self.assertEqual(self.site.status(cluster)["vm_state"], "pending")
        for key in keys[:2]:
            self.log(key, "-s", "CloudManager", "-e", "VMRunning")
        status = self.site.wait_for(cluster, vm_state="running", state="Running", members_num=2)
        self.assertEqual(status["members_hist"], {"running": 2})
        self.log(keys[2], "-s", "UserInterface", "-e", "ClusterJoin", "--cluster", cluster)
        self.site.wait_for(cluster, vm_state="running", degraded=True, members_num=3)
        ids = [self.site.status(key)["jobId"] for key in keys]
        self.must_show_members(cluster, ids)
        page = self.site.run("lbctl", "children", cluster, "--limit", "2", "-o", "id")
        self.assertIn("there are more", page.stderr)
        self.assertEqual((len(page.stdout.split()), set(page.stdout.split()) - set(ids)), (2, set()))
        self.log(keys[2], "-s", "CloudManager", "-e", "VMFail")
        status = self.site.wait_for(cluster, vm_state="running")
        self.log(keys[1], "-s", "CloudManager", "-e", "VMFail")
        status = self.site.wait_for(cluster, vm_state="degraded", state="Running")
        self.assertEqual(len(status["failed_members"]), 2)
        self.log(keys[2], "-s", "UserInterface", "-e", "ClusterLeave", "--cluster", cluster)
        self.site.wait_for(cluster, members_num=2)
        self.must_show_members(cluster, ids[:2])
        self.assertEqual([row["jobId"] for row in self.site.lbctl("children", cluster, "vm_state=failure")], ids[1:2])
        # Who has left since was a member then.
        past = self.site.lbctl("status", cluster, "--at", status["lastUpdateTime"])[0]
        self.assertEqual(past, status)

    def must_show_members(self, cluster, ids):
        rows = self.site.lbctl("tree", cluster)
        self.assertEqual((rows[0]["jobId"], rows[0]["depth"]), (cluster, 0))
        self.assertEqual({(row["jobId"], row["depth"], row["relation"]) for row in rows[1:]},
                         {(member, 1, "child") for member in ids})
        self.assertEqual(len(rows), 1 + len(ids))
        self.assertEqual({row["jobId"] for row in self.site.lbctl("children", cluster, "--limit", "0")}, set(ids))

    def test_4_children_and_parents_survive_a_kill(self):
        parent = self.register_collection("killed", 20)
        for index in range(10):
            self.log(child_of(parent, index), "-s", "LogMonitor", "-e", "Done", "--status_code", "OK", "--exit_code",
                     "0", "--reason", "-")
        self.site.server.kill()
        self.site.server.start()
        for index in range(10, 20):
            self.log(child_of(parent, index), "-s", "LogMonitor", "-e", "Done", "--status_code", "OK", "--exit_code",
                     "0", "--reason", "-")
        self.site.wait_for(parent, seconds=60, state="Done", children_hist={"Done": 20})
        wait_until(lambda: self.listed_state(parent, "collection") == "Done", "the settler")

    def test_5_children_are_listed_by_parent_state_and_page(self):
        parent = f"https://{self.site.service}/killed"
        children = {child_of(parent, index) for index in range(20)}
        rows = self.site.lbctl("children", parent)
        self.assertEqual({row["jobId"] for row in rows}, children)
        self.assertEqual({row["state"] for row in rows}, {"Done"})
        self.assertEqual(self.site.lbctl("children", "killed", "state=Running"), [])
        self.assertEqual(len(self.site.lbctl("children", "killed", "--state", "Done", "--limit", "7")), 7)
        ids = self.site.run("lbctl", "children", "killed", "-o", "id").stdout.split()
        self.assertEqual(set(ids), children)
        table = self.site.run("lbctl", "children", "killed", "--fields", "jobId,parent_job", "-o", "csv").stdout.splitlines()
        self.assertEqual(len(table), 21)
        self.assertTrue(table[1].endswith(parent), table[1])
        self.assertEqual(len(self.site.lbctl("children", "ten-thousand", "--limit", "0")), 10_000)
        self.assertEqual(self.site.lbctl("children", child_of(parent, 3)), [])

    def with_extras(self, process, extras, *more, **how):
        return self.site.lbctl("status", process, "--with", extras, *more, **how)

    def test_6_children_and_events_stand_in_a_status_for_who_asks(self):
        parent = f"https://{self.site.service}/killed"
        plain = self.site.status(parent)
        status = self.with_extras(parent, "children_states,history")[0]
        self.assertEqual({name: status[name] for name in plain}, plain)
        self.assertEqual(set(status) - set(plain), {"children_states", "history"})
        self.assertEqual([row["jobId"] for row in status["children_states"]], plain["children"])
        self.assertEqual(status["children_states"][7], self.site.status(plain["children"][7]))
        events = self.site.lbctl("history", parent)
        self.assertEqual([row["event_id"] for row in status["history"]], [row["event_id"] for row in events])
        self.assertNotIn("children_states", self.with_extras(f"https://{self.site.service}/ten-thousand",
                                                             "children_states")[0])
        past = self.site.run("lbctl", "status", parent, "--with", "history", "--at", "-1s", check=False)
        self.assertIn("'history' is told of now only", past.stderr)
        many = self.site.run("lbctl", "status", *plain["children"], parent, "--with", "history", check=False)
        self.assertIn("more than 20", many.stderr)

    def test_7_a_job_description_is_read_for_who_asks(self):
        jobs = [self.site.lbctl("register", "job", "--jdl", jdl)[0]["process"] for jdl in (
            '[ Executable = "/bin/a"; InputSandbox = { "b", "c" }; Requirements = other.CPUs > 2; ]', "no description")]
        self.assertEqual(self.with_extras(jobs[0], "jdl_classad")[0]["jdl_classad"],
                         {"Executable": "/bin/a", "InputSandbox": ["b", "c"], "Requirements": "/Expr(other.CPUs > 2)/"})
        self.assertNotIn("jdl_classad", self.site.status(jobs[0]))
        self.assertNotIn("jdl_classad", self.with_extras(jobs[1], "jdl_classad")[0])

    def test_9_a_rebuild_finds_the_same(self):
        self.site.wait_settled()
        rows = [row for name in ("some-hundred", "killed")
                for row in self.site.lbctl("rebuild", "--compare-only", f"https://{self.site.service}/{name}")]
        rows += self.site.lbctl("rebuild", "--compare-only", child_of(f"https://{self.site.service}/killed", 3))
        self.assertEqual([row for row in rows if row["different"]], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
