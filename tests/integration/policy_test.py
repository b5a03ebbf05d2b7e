"""Who sees what: owners, groups, reduced and anonymized views; what is denied is written down."""

import json
import time
import unittest
import uuid

from http_client import HttpClient
from site_harness import Site, wait_until

POLICY = """
salt = "for tests"
group_files = ["GROUPS"]

[[rule]]
name = "hosts deliver"
allow = ["forwarder", "adopter"]
who = ["certificate:*/CN=host/*"]
hosts = ["own"]

[[rule]]
name = "people register"
allow = ["origin", "registrar"]
who = ["uid:*", "certificate:/O=lb/CN=alice"]

[[rule]]
name = "the wall display"
allow = ["STATUS_FOR_MONITORING"]
who = ["certificate:/O=lb/CN=wall"]

[[rule]]
name = "science"
allow = ["anonymous-reader"]
who = ["group:science"]
"""
PEOPLE = ("alice", "bob", "wall", "dana")


class Policy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        site = Site(policy=POLICY)
        groups = site.directory / "groups"
        groups.write_text('"/O=lb/CN=dana" science\n')
        policy = site.directory / "policy.toml"
        policy.write_text(POLICY.replace("GROUPS", str(groups)))
        cls.site = site.__enter__()
        for name in PEOPLE:
            site.issue(user=name)
        cls.clients = {name: HttpClient(site, name=name) for name in PEOPLE}

    @classmethod
    def tearDownClass(cls):
        for client in cls.clients.values():
            client.close()
        cls.site.__exit__(None, None, None)

    def register(self):
        """A process of alice; its unique part."""
        unique = f"policy-{uuid.uuid4().hex}"
        answer = self.log("alice", unique, "RegJob", jobtype="VIRTUAL_MACHINE", ns="web")
        self.assertEqual(answer.status, 200, answer)
        return unique

    def log(self, who, unique, kind, **fields):
        event = {"type": kind, "process": f"https://{self.site.service}/{unique}", "source": "UserInterface",
                 "time": time.time(), "fields": fields}
        return self.clients[who].post(event)

    def see(self, name, unique, path=""):
        return self.clients[name].get(f"/v1/processes/{unique}{path}")

    def test_only_the_owner_changes_the_list(self):
        unique = self.register()
        answer = self.log("bob", unique, "ChangeACL", user_id="/O=lb/CN=bob", user_id_type="DN", permission="READ",
                          permission_type="ALLOW", operation="ADD")
        self.assertEqual(answer.status, 403, answer)
        self.assertIn("access list", answer.json()["detail"])
        # Not by way of a host either, whatever source it speaks as.
        self.site.logevent("--sync", "--timeout", "20000", "-s", "VMManager", "-j", f"https://{self.site.service}/{unique}",
                           "-e", "ChangeACL", "--user_id", "/O=lb/CN=bob", "--user_id_type", "DN", "--permission", "READ",
                           "--permission_type", "ALLOW", "--operation", "ADD", check=False)
        self.assertEqual(self.see("bob", unique).status, 403)

    def test_monitoring_sees_states_and_nobody(self):
        unique = self.register()
        self.log("alice", unique, "UserTag", name="secret", value="alice's")
        status = self.see("wall", unique).json()
        self.assertEqual(status["jobtype"], "virtual_machine")
        self.assertNotIn("alice", json.dumps(status))
        self.assertEqual(self.see("wall", unique, "/events").status, 403)
        self.assertEqual(self.see("wall", unique, "/why").status, 403)
        self.assertNotIn("alice", self.clients["wall"].get("/v1/processes").body)
        # Nor by asking for what is hers.
        owned = self.clients["wall"].get("/v1/processes?owner=certificate:/O=lb/CN=alice").json()
        self.assertEqual(owned["processes"], [])

    def test_anonymous_readers_see_pseudonyms(self):
        first, second = self.register(), self.register()
        self.log("alice", first, "UserTag", name="secret", value="alice's")
        one, other = self.see("dana", first).json(), self.see("dana", second).json()
        self.assertTrue(one["owner"].startswith("anonymous:"))
        self.assertEqual(one["owner"], other["owner"])
        self.assertNotIn("alice", json.dumps(one))
        self.assertEqual(self.see("dana", first, "/events").status, 403)
        owned = self.clients["dana"].get("/v1/processes?owner=certificate:/O=lb/CN=alice").json()
        self.assertEqual(owned["processes"], [])

    def test_what_was_denied_is_in_the_log(self):
        unique = self.register()
        self.see("bob", unique)
        wait_until(lambda: "BKS_AUDIT_DENIED: certificate:/O=lb/CN=bob may not read" in self.site.server.log.read_text(),
                   "the refusal in the log")


if __name__ == "__main__":
    unittest.main(verbosity=2)
