"""Who sees what: owners, groups, reduced and anonymized views; what is denied is written down."""

import json
import time
import unittest
import urllib.parse
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
who = ["uid:*", "certificate:/O=lb/CN=alice", "certificate:/O=lb/CN=broker"]

[[rule]]
name = "the broker registers for everybody"
allow = ["REGISTER_FOREIGN"]
who = ["certificate:/O=lb/CN=broker"]

[[rule]]
name = "the wall display"
allow = ["STATUS_FOR_MONITORING"]
who = ["certificate:/O=lb/CN=wall"]

[[rule]]
name = "science"
allow = ["anonymous-reader"]
who = ["group:science"]
"""
PEOPLE = ("alice", "bob", "carol", "wall", "dana", "erin", "broker")


class Policy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        site = Site(policy=POLICY)
        groups = site.directory / "groups"
        groups.write_text('"/O=lb/CN=dana" science\n"/O=lb/CN=erin" vo/atlas\n'
                          '"/O=lb/CN=alice" /atlas/Role=production\n"/O=lb/CN=alice" staff\n')
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

    def log(self, who, unique, kind, user=None, **fields):
        event = {"type": kind, "process": f"https://{self.site.service}/{unique}", "source": "UserInterface",
                 "time": time.time(), "fields": fields}
        if user:
            event["user"] = user
        return self.clients[who].post(event)

    def see(self, name, unique, path=""):
        return self.clients[name].get(f"/v1/processes/{unique}{path}")

    def change_list(self, unique, who, operation="ADD", permission="READ", verb="ALLOW", kind="DN"):
        answer = self.log("alice", unique, "ChangeACL", user_id=who, user_id_type=kind, permission=permission,
                          permission_type=verb, operation=operation)
        self.assertEqual(answer.status, 200, answer)

    def over_the_network(self, name):
        """Environment of an lbctl that asks as this person."""
        return {"LB_SERVER": self.site.service, "LB_CA": f"{self.site.pki}/ca.pem",
                "LB_CERT": f"{self.site.pki}/{name}.pem", "LB_KEY": f"{self.site.pki}/{name}.key"}

    def sees_by(self, name, unique):
        """By which ways somebody gets to see a process."""
        process = f"https://{self.site.service}/{unique}"
        lbctl = {"environment": self.over_the_network(name), "check": False}
        ways = {
            "page": self.see(name, unique).status == 200,
            "events": self.see(name, unique, "/events").status == 200,
            "list": unique in self.clients[name].get("/v1/processes?limit=1000").body,
            "list of hers": unique in self.clients[name].get(
                "/v1/processes?limit=1000&owner=certificate:/O=lb/CN=alice").body,
            "query": bool(self.site.lbctl("jobs", f"id={unique}", **lbctl)),
            "events by query": bool(self.site.lbctl("events", f"process={unique}", **lbctl)),
            "count": any(row["count"] for row in self.site.lbctl("count", f"id={unique}", **lbctl)),
            "status": any(row.get("state") for row in self.site.lbctl("status", process, **lbctl)),
            "jobs": any(row["jobId"] == process for row in self.site.lbctl("jobs", **lbctl)),
            "history": bool(self.site.lbctl("history", process, **lbctl)),
            "why": bool(self.site.lbctl("why", process, **lbctl)),
        }
        return {way for way, is_open in ways.items() if is_open}

    def test_the_owner_opens_a_process_to_another(self):
        unique = self.register()
        self.assertEqual(self.see("alice", unique).json()["user_fqans"], ["/atlas/Role=production"])
        every_way = self.sees_by("alice", unique)
        self.assertEqual(len(every_way), 11)
        self.assertEqual(self.sees_by("bob", unique), set())
        self.change_list(unique, "/O=lb/CN=bob")
        self.assertEqual(self.sees_by("bob", unique), every_way)
        self.assertEqual(self.sees_by("carol", unique), set())
        self.assertEqual(self.see("bob", unique).json()["access_rights"], ["READ allowed to DN /O=lb/CN=bob"])
        self.change_list(unique, "/O=lb/CN=bob", operation="REMOVE")
        self.assertEqual(self.sees_by("bob", unique), set())
        self.site.must_rebuild_equal()

    def test_nobody_gets_in_by_a_relation(self):
        """Neither to a parent by way of its children nor to them by way of their parent."""
        unique = f"policy-{uuid.uuid4().hex}"
        answer = self.log("alice", unique, "RegJob", jobtype="COLLECTION", nsubjobs="2", seed="s", ns="ns")
        self.assertEqual(answer.status, 200, answer)
        query = urllib.parse.quote(f'parent_job="https://{self.site.service}/{unique}"')
        family = [unique]
        for name in ("alice", "bob"):
            rows = self.clients[name].get(f"/v1/processes?query={query}&fields=jobId").json()["processes"]
            self.assertEqual(len(rows), 2 if name == "alice" else 0, name)
            family += [row["jobId"].rsplit("/", 1)[1] for row in rows]
        for member in family:
            self.assertEqual(self.sees_by("bob", member), set(), member)
        # Who may see one child sees neither its parent nor its sister.
        self.change_list(family[1], "/O=lb/CN=bob")
        self.assertEqual(self.see("bob", family[1]).status, 200)
        for member in (family[0], family[2]):
            self.assertEqual(self.sees_by("bob", member), set(), member)

    def test_children_are_theirs_who_own_them(self):
        unique = f"policy-{uuid.uuid4().hex}"
        answer = self.log("alice", unique, "RegJob", jobtype="COLLECTION", ns="web", nsubjobs="3", seed="s")
        self.assertEqual(answer.status, 200, answer)
        children = {name: self.site.lbctl("children", unique, environment=self.over_the_network(name))
                    for name in ("alice", "bob")}
        self.assertEqual(len(children["alice"]), 3)
        self.assertEqual(children["bob"], [])

    def test_groups_may_be_let_in_and_single_people_kept_out(self):
        unique = self.register()
        self.change_list(unique, '"vo":"atlas"', kind="GROUP")
        self.assertEqual(self.see("erin", unique).status, 200)
        self.change_list(unique, "/O=lb/CN=erin", verb="DENY")
        self.assertEqual(self.see("erin", unique).status, 403)
        self.assertIn("access list", self.see("erin", unique).json()["detail"])
        self.change_list(unique, "/O=lb/CN=erin", verb="DENY", operation="REMOVE")
        self.assertEqual(self.see("erin", unique).status, 200)
        # Whom the site shows less sees everything of what he was let into, and no names else.
        self.change_list(unique, "/O=lb/CN=wall")
        self.assertEqual(self.see("wall", unique).json()["owner"], "certificate:/O=lb/CN=alice")
        self.change_list(unique, "/O=lb/CN=wall", operation="REMOVE")
        self.assertNotIn("owner", self.see("wall", unique).json())
        self.assertNotIn("access_rights", self.see("dana", unique).json())
        self.assertNotIn("CN=", json.dumps(self.see("dana", unique).json()))

    def test_who_may_tag(self):
        unique = self.register()
        self.assertEqual(self.log("bob", unique, "UserTag", name="a", value="1").status, 403)
        self.change_list(unique, "/O=lb/CN=bob", permission="TAG")
        self.assertEqual(self.log("bob", unique, "UserTag", name="a", value="1").status, 200)
        self.assertEqual(self.see("bob", unique).status, 403)
        self.assertEqual(self.see("alice", unique).json()["user_tags"], {"a": "1"})
        self.change_list(unique, "/O=lb/CN=bob", permission="TAG", operation="REMOVE")
        self.assertEqual(self.log("bob", unique, "UserTag", name="a", value="2").status, 403)

    def test_a_payload_has_an_owner_of_its_own(self):
        unique = f"policy-{uuid.uuid4().hex}"
        self.assertEqual(self.log("alice", unique, "RegJob", jobtype="SIMPLE", ns="ns").status, 200)
        self.assertEqual(self.log("bob", unique, "TakePayloadOwnership").status, 200)
        self.assertEqual(self.see("bob", unique).status, 403, "taken, but not granted")
        self.assertEqual(self.log("bob", unique, "GrantPayloadOwnership", payload_owner="/O=lb/CN=bob").status, 403)
        answer = self.log("alice", unique, "GrantPayloadOwnership", payload_owner="/O=lb/CN=bob")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.see("bob", unique).json()["payload_owner"], "/O=lb/CN=bob")
        self.assertEqual(self.log("bob", unique, "UserTag", name="a", value="1").status, 200)
        self.assertEqual(self.see("carol", unique).status, 403)
        self.site.must_rebuild_equal()

    def test_lists_are_edited_by_command(self):
        unique = self.register()
        process = f"https://{self.site.service}/{unique}"
        alice, bob = self.over_the_network("alice"), self.over_the_network("bob")
        acl = lambda *words, who=alice: self.site.run("lbctl", "acl", *words, check=False, environment=who)
        self.assertEqual(acl("show", process).stdout, "owner certificate:/O=lb/CN=alice\n")
        self.assertIn("READ allowed to DN /O=lb/CN=bob", acl("allow", process, "/O=lb/CN=bob").stdout)
        acl("allow", process, "vo/atlas", "--group", "--tag")
        self.assertEqual(acl("show", process, who=bob).returncode, 0)
        self.assertEqual(acl("remove", process, "/O=lb/CN=bob", who=bob).returncode, 77)
        self.assertIn("READ denied to DN /O=lb/CN=bob", acl("deny", process, "/O=lb/CN=bob").stdout)
        self.assertEqual(acl("show", process, who=bob).returncode, 77)
        acl("remove", process, "/O=lb/CN=bob", "--denial")
        acl("remove", process, "/O=lb/CN=bob")
        self.assertEqual(acl("show", process).stdout.splitlines()[1:], ["TAG allowed to GROUP vo/atlas"])
        self.assertEqual(self.log("erin", unique, "UserTag", name="a", value="1").status, 200)

    def check(self, *words, as_=None):
        environment = self.over_the_network(as_) if as_ else None
        rows = self.site.lbctl("policy", "check", *words, check=False, environment=environment)
        return rows[0] if rows else {}

    def test_a_decision_is_explained(self):
        unique = self.register()
        policy = self.site.directory / "policy.toml"
        # [[rule]] stands in the line before the name.
        place = lambda name: f"{policy}, line {policy.read_text().split(name)[0].count(chr(10))}"
        views = {"alice": "full", "wall": "reduced", "dana": "anonymized", "bob": "none"}
        for name, view in views.items():
            row = self.check(f"/O=lb/CN={name}", "read", unique)
            self.assertEqual((row["view"], row["allowed"]), (view, view != "none"), row)
            # It says what happens.
            self.assertEqual(self.see(name, unique).status, 200 if row["allowed"] else 403)
        row = self.check("/O=lb/CN=wall", "STATUS_FOR_MONITORING")
        self.assertIn("the wall display", row["reason"])
        self.assertEqual(row["place"], place('name = "the wall display"'))
        row = self.check("/O=lb/CN=alice", "UserTag", unique)
        self.assertEqual((row["allowed"], "place" in row), (True, False), row)
        self.assertIn("registered", row["reason"])
        self.assertFalse(self.check("/O=lb/CN=bob", "ChangeACL", unique)["allowed"])
        self.change_list(unique, "/O=lb/CN=bob", permission="TAG")
        self.assertIn("access list", self.check("/O=lb/CN=bob", "UserTag", unique)["reason"])
        row = self.check("uid:1000@node1", "VMStop", "--source", "VMManager", "--host", "node1",
                         "--forwarder", "certificate:/O=lb/CN=host/node2")
        self.assertFalse(row["allowed"])
        self.assertIn("may not deliver", row["reason"])
        row = self.check("certificate:/O=lb/CN=host/node1", "forwarder", "--host", "node1")
        self.assertEqual(row["place"], place('name = "hosts deliver"'))
        done = self.site.run("lbctl", "policy", "check", "/O=lb/CN=bob", "purger", check=False)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("denied", done.stdout)

    def test_what_others_may_do_is_for_administrators(self):
        unique = self.register()
        self.assertEqual(self.check("/O=lb/CN=bob", "read", unique, as_="bob")["view"], "none")
        self.assertEqual(self.check("/O=lb/CN=alice", "read", unique, as_="bob"), {})
        for words in (("nobody", "read"), ("/O=lb/CN=bob", "fly"), ("/O=lb/CN=bob", "UserTag", unique, "--source", "x")):
            done = self.site.run("lbctl", "policy", "check", *words, check=False)
            self.assertEqual(done.returncode, 65, done)
            self.assertTrue(done.stderr.startswith("lbctl: '"), done.stderr)

    def test_a_broker_registers_for_others_and_nobody_else_does(self):
        unique = f"foreign-{uuid.uuid4().hex}"
        registration = {"jobtype": "COLLECTION", "nsubjobs": "2", "seed": "s", "ns": "ns"}
        answer = self.log("alice", unique, "RegJob", user="/O=lb/CN=carol", **registration)
        self.assertEqual(answer.status, 403, answer)
        self.assertIn("others own", answer.json()["detail"])
        answer = self.log("broker", unique, "RegJob", user="/O=lb/CN=carol", **registration)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.see("carol", unique).json()["owner"], "certificate:/O=lb/CN=carol")
        self.assertEqual(self.see("broker", unique).status, 403)
        self.assertEqual(self.log("carol", unique, "UserTag", name="a", value="1").status, 200)
        children = [row for row in self.clients["carol"].get("/v1/processes?limit=1000").json()["processes"]
                    if row.get("owner") == "certificate:/O=lb/CN=carol"]
        self.assertEqual(len(children), 3, "the children that it planned are hers, too")
        self.assertEqual(self.log("alice", unique, "RegJob", **registration).status, 403)
        self.site.must_rebuild_equal()

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
