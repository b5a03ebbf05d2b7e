"""Logging and reading over HTTPS: tokens and certificates, verdicts, forms, the OpenAPI document."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import textwrap
import time
import unittest
import urllib.parse
import uuid

try:
    import jsonschema
except ImportError:
    jsonschema = None

from http_client import HttpClient
from site_harness import BIN, SOURCE, SiteTest, wait_until
from stopping_unit import command_of, stop_unit

UUID = "6b1a2a9e-0000-4000-8000-0000000000b1"
KEY = f"libvirt-uuid:/{UUID}"
OTHER_KEY = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000b2"


def has_bytes(path, wanted):
    """Whether this file of a process has them; one that has ended meanwhile has nothing."""
    try:
        return wanted in path.read_bytes()
    except OSError:
        return False


class Http(SiteTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site.issue(user="alice")
        cls.site.issue(user="bob")
        for key in (KEY, OTHER_KEY):
            cls.site.logevent("--sync", "--timeout", "20000", "-s", "VMManager", "-k", key, "-e", "VMCreate",
                              "--hostname", cls.site.host)
        cls.id = cls.site.status(KEY)["jobId"]

    def issue(self, *arguments, process=KEY):
        return self.site.lbctl("token", "issue", "--process", process, *arguments)[0]

    def client(self, *arguments, name=None, process=KEY):
        token = self.issue(*arguments, process=process)["token"] if name is None else None
        client = HttpClient(self.site, name=name, token=token)
        self.addCleanup(client.close)
        return client

    # Logging.

    def test_a_guest_logs_with_its_token(self):
        guest = self.client()
        answer = guest.post({"type": "VMBoot"})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual([row["verdict"] for row in answer.json()["events"]], ["accepted"])
        logged = [row for row in self.site.lbctl("history", KEY) if row["type"] == "VMBoot"][-1]
        self.assertTrue(logged["identity"].startswith("token:"), logged)
        self.assertEqual(logged["source"], "VMSystem")
        # On the same connection, by the id instead of the key, with a time.
        answer = guest.post({"type": "VMHeartbeat", "process": self.id, "time": time.time()})
        self.assertEqual(answer.status, 200, answer)

    def test_curl_does_what_the_help_says(self):
        token = self.issue("--valid", "1h")["token"]
        done = subprocess.run(
            ["curl", "-sS", "--fail", "--cacert", f"{self.site.pki}/ca.pem", "-H", f"Authorization: Bearer {token}",
             f"https://localhost:{self.site.port}/v1/events", "-d", '{"type": "VMRunning"}'],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["events"][0]["verdict"], "accepted")

    def test_lb_guest_speaks_with_its_token(self):
        path = self.site.directory / "guest.token"
        environment = {"LB_GUEST_SERVER": f"https://localhost:{self.site.port}", "LB_GUEST_TOKEN_FILE": str(path),
                       "LB_GUEST_CA": f"{self.site.pki}/ca.pem"}

        def say(*words, **changed):
            return self.site.run("lb-guest", *words, check=False, environment={**environment, **changed})

        issued = self.issue("--valid", "1h")
        path.write_text(issued["token"] + "\n")
        before = len(self.site.lbctl("history", self.id))
        for words in (("running",), ("heartbeat",), ("tag", 'motto=a "b" \\ c'), ("shutdown", "--reason", "kernel update")):
            done = say(*words)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        rows = self.site.lbctl("history", self.id)[before:]
        self.assertEqual({row["identity"] for row in rows}, {f"token:{issued['id']}"})
        self.assertEqual({(row["type"], row["source"]) for row in rows},
                         {("VMRunning", "VMSystem"), ("UserTag", "VMSystem"), ("VMShutdown", "VMSystem")})
        self.assertEqual(self.site.status(self.id)["user_tags"]["motto"], 'a "b" \\ c')
        # A token of another machine says nothing of this one, and the guest cannot name one.
        other = self.issue("--valid", "1h", process=OTHER_KEY)
        path.write_text(other["token"])
        self.assertEqual(say("running").returncode, 0)
        self.assertEqual(len(self.site.lbctl("history", self.id)), before + len(rows))
        self.site.lbctl("token", "revoke", other["id"])
        revoked = say("running")
        self.assertEqual(revoked.returncode, 65, revoked)
        self.assertIn("401", revoked.stderr)
        self.assertNotIn(other["token"], revoked.stderr)
        for changed, code, text in (({"LB_GUEST_SERVER": "https://localhost:1"}, 75, "connect"),
                                    ({"LB_GUEST_SERVER": "http://localhost:1"}, 65, "https://"),
                                    ({"LB_GUEST_TOKEN_FILE": "/nonexistent"}, 65, "/nonexistent"),
                                    ({"LB_GUEST_CA": f"{self.site.pki}/none.pem"}, 75, "none.pem"),
                                    ({"PATH": "/nonexistent"}, 75, "no curl")):
            done = say("running", **changed)
            self.assertEqual(done.returncode, code, done)
            self.assertIn(text, done.stderr)

    def guest_settings(self):
        """The environment of lb-guest with a token of its own, and the token's identity."""
        issued = self.issue("--valid", "1h")
        path = self.site.directory / f"{issued['id']}.token"
        path.write_text(issued["token"])
        return f"token:{issued['id']}", {"LB_GUEST_SERVER": f"https://localhost:{self.site.port}",
                                         "LB_GUEST_TOKEN_FILE": str(path), "LB_GUEST_CA": f"{self.site.pki}/ca.pem"}

    def said_by(self, identity):
        rows = [row for row in self.site.lbctl("history", self.id) if row["identity"] == identity]
        return [(row["type"], row.get("fields", {}).get("reason")) for row in rows]

    def test_the_guest_of_a_system_without_systemd(self):
        identity, environment = self.guest_settings()
        directory = self.site.directory / "sysv"
        directory.mkdir()
        (directory / "guest.env").write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
        script = (BIN.parent / "packaging/units/lb-guest.init").read_text()
        for line, ours in ((r"program=.*", f"program={BIN}/lb-guest"), (r"pid_file=.*", f"pid_file={directory}/pid"),
                           (r"settings=.*", f"settings={directory}/guest.env")):
            script, count = re.subn(rf"(?m)^{line}$", ours, script)
            self.assertEqual(count, 1, line)
        (directory / "lb-guest").write_text(script)

        def call(word, code=0, **environment):
            done = subprocess.run(["sh", directory / "lb-guest", word], stdin=subprocess.DEVNULL, timeout=30,
                                  capture_output=True, text=True, env={**os.environ, **environment})
            self.assertEqual(done.returncode, code, done)
            return done.stdout
        self.addCleanup(call, "stop", RUNLEVEL="2")
        call("status", code=3)
        call("start")
        wait_until(lambda: self.said_by(identity), "the guest's word")
        pid = (directory / "pid").read_text()
        call("start")
        self.assertEqual((directory / "pid").read_text(), pid)
        self.assertIn("runs", call("status"))
        call("stop", RUNLEVEL="2")
        self.assertEqual(self.said_by(identity), [("VMRunning", None)])
        call("status", code=3)
        call("start")
        wait_until(lambda: len(self.said_by(identity)) == 2, "the guest's word")
        call("stop", RUNLEVEL="6")
        self.assertEqual(self.said_by(identity)[2:], [("VMShutdown", "reboot")])

    def cloud_init_writes(self, directory, environment):
        """What cloud-init would write of the snippet, with its suggestions taken, below `directory`."""
        text = (SOURCE / "packaging/guest/cloud-init.yaml").read_text()
        self.assertTrue(text.startswith("#cloud-config\n"))
        text = re.sub(r"(?m)^  #(?=- |  )", "  ", text)  # what is suggested; the other comments go
        text = re.sub(r"(?m)^ *(#(?!!).*)?\n", "", text)
        authority = pathlib.Path(environment["LB_GUEST_CA"]).read_text().strip().replace("\n", "\n      ")
        for its, ours in (("/usr/bin/lb-guest", f"{BIN}/lb-guest"), ("/run/systemd/", f"{directory}/run/systemd/"),
                          ("/etc/lb/", f"{directory}/etc/lb/"), ("https://lb.example.org:9000", environment["LB_GUEST_SERVER"]),
                          (" TOKEN\n", f" {pathlib.Path(environment['LB_GUEST_TOKEN_FILE']).read_text()}\n"),
                          (" PEM\n", f" {authority}\n")):
            self.assertIn(its, text)
            text = text.replace(its, ours)
        entry = r'  - path: (\S+)\n(?:    permissions: "(\d+)"\n)?    content: (?:\|\n((?:      .*\n)+)|(.*)\n)'
        for name, mode, block, line in re.findall(entry, text):
            path = directory / name.removeprefix(str(directory)).lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(block) or line)
            path.chmod(int(mode or "0644", 8))

    def test_the_guest_that_cloud_init_starts(self):
        identity, environment = self.guest_settings()
        directory = self.site.directory / "cloud-init"
        self.cloud_init_writes(directory, environment)
        for name in ("guest.env", "guest.token"):
            self.assertEqual((directory / "etc/lb" / name).stat().st_mode & 0o777, 0o600)
        script = directory / "var/lib/cloud/scripts/per-boot/lb-guest"
        # What it needs to know is in the files alone.
        self.assertEqual(subprocess.run([script], env={}, timeout=30).returncode, 0)
        wait_until(lambda: self.said_by(identity) == [("VMRunning", None)], "the guest's word")
        # It left this session: it is the one that was given this token.
        ours = f"{directory}/etc/lb/guest.token".encode()
        started = [path for path in pathlib.Path("/proc").glob("[0-9]*/environ") if has_bytes(path, ours)]
        self.assertEqual(len(started), 1)
        os.kill(int(started[0].parent.name), signal.SIGTERM)

    def test_the_guest_that_cloud_init_gives_to_systemd(self):
        identity, environment = self.guest_settings()
        directory = self.site.directory / "cloud-init-systemd"
        self.cloud_init_writes(directory, environment)
        (directory / "run/systemd/system").mkdir(parents=True)
        (directory / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {directory}/asked\n')
        (directory / "systemctl").chmod(0o755)
        subprocess.run([directory / "var/lib/cloud/scripts/per-boot/lb-guest"], check=True, timeout=30,
                       env={"PATH": f"{directory}:{os.environ['PATH']}"})
        self.assertEqual((directory / "asked").read_text(), "daemon-reload\nstart --no-block lb-guest\n")
        unit = (directory / "etc/systemd/system/lb-guest.service").read_text()
        self.assertEqual(command_of(unit, "ExecStart"), [f"{BIN}/lb-guest", "--daemon"])
        self.assertEqual(command_of(unit, "EnvironmentFile"), [f"-{directory}/etc/lb/guest.env"])
        self.must_tell_why(unit, identity, environment)

    def test_the_guest_that_systemd_stops(self):
        unit = (BIN.parent / "packaging/units/lb-guest.service").read_text()
        self.must_tell_why(unit, *self.guest_settings())

    def must_tell_why(self, unit, identity, environment):
        """That ExecStop says what the system goes down for, and nothing when it does not."""
        for jobs, told in ((["lb-guest.service restart"], []),
                           (["lb-guest.service stop", "reboot.target start"], ["reboot"]),
                           (["poweroff.target start", "lb-guest.service stop"], ["poweroff"]),
                           (["halt.target start"], ["halt"]),
                           (["kexec.target start"], ["kexec"]),
                           (["soft-reboot.target start"], ["soft-reboot"])):
            before = len(self.said_by(identity))
            done = stop_unit(unit, BIN / "lb-guest", self.site.directory / "systemd", *jobs,
                             environment={**os.environ, **environment})
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), jobs)
            self.assertEqual(self.said_by(identity)[before:], [("VMShutdown", reason) for reason in told])

    def test_sent_again_it_is_the_same_event(self):
        guest = self.client("--source", "Application", "--source", "VMSystem")
        event = {"type": "UserTag", "source": "Application", "event_id": str(uuid.uuid4()), "time": "2026-11-01T10:00:00Z",
                 "fields": {"name": "phase", "value": "one"}}
        self.assertEqual(guest.post(event).json()["events"][0]["verdict"], "accepted")
        self.assertEqual(guest.post(event).json()["events"][0]["verdict"], "duplicate")
        event["fields"]["value"] = "two"
        answer = guest.post(event)
        self.assertEqual(answer.status, 409, answer)
        self.assertEqual(answer.json()["events"][0]["verdict"], "conflict")
        del event["time"]
        answer = guest.post(event)
        self.assertEqual(answer.status, 422, answer)
        self.assertIn("time", answer.json()["detail"])

    def test_several_events_have_a_verdict_each(self):
        guest = self.client()
        lines = '{"type": "VMHeartbeat"}\n{"type": "Nonsense"}\n{broken\n{"type": "VMHeartbeat", "key": "%s"}\n' % OTHER_KEY
        answer = guest.post(lines, Content_Type="application/x-ndjson")
        self.assertEqual(answer.status, 207, answer)
        self.assertEqual([row["verdict"] for row in answer.json()["events"]],
                         ["accepted", "malformed", "malformed", "denied"])
        answer = guest.post([{"type": "VMHeartbeat"} for _ in range(1000)])
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(len(answer.json()["events"]), 1000)
        self.assertEqual(guest.post([{"type": "VMHeartbeat"} for _ in range(1001)]).status, 413)

    def test_a_certificate_logs_and_registers(self):
        alice = self.client(name="alice")
        process = f"https://{self.site.service}/web-{uuid.uuid4().hex}"
        answer = alice.post({"type": "RegJob", "process": process, "source": "UserInterface", "time": time.time(),
                             "fields": {"jobtype": "VIRTUAL_MACHINE", "ns": "web"}})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(alice.get("/" + process.rsplit("/", 1)[1]).json()["owner"], "certificate:/O=lb/CN=alice")
        self.assertEqual(self.client(name="bob").get("/" + process.rsplit("/", 1)[1]).status, 403)
        # Its owner may issue tokens for it, nobody else may.
        network = {"LB_SERVER": self.site.service, "LB_CA": f"{self.site.pki}/ca.pem"}
        for name, fits in (("alice", True), ("bob", False)):
            environment = {**network, "LB_CERT": f"{self.site.pki}/{name}.pem", "LB_KEY": f"{self.site.pki}/{name}.key"}
            done = self.site.run("lbctl", "token", "issue", "--process", process, check=False, environment=environment)
            self.assertEqual(done.returncode == 0, fits, done.stderr)

    # Tokens.

    def test_a_token_is_for_one_process_and_its_sources(self):
        guest = self.client()
        for event, words in (({"type": "VMBoot", "key": OTHER_KEY}, "not for"),
                             ({"type": "VMStop", "source": "VMManager"}, "not as VMManager"),
                             ({"type": "RegJob", "fields": {"jobtype": "SIMPLE", "ns": "x"}}, "needs an identity"),
                             ({"type": "Bind", "fields": {"key": OTHER_KEY}}, "needs an identity"),
                             ({"type": "VMBoot", "process": f"https://{self.site.service}/elsewhere"}, "not for")):
            answer = guest.post(event)
            self.assertEqual(answer.status, 403, answer)
            self.assertIn(words, answer.json()["events"][0]["reason"])
        letters = self.site.lbctl("dead", "list")
        self.assertTrue(any("not as VMManager" in letter["reason"] for letter in letters), letters)

    def test_a_revoked_token_ends_at_once(self):
        issued = self.issue()
        guest = HttpClient(self.site, token=issued["token"])
        self.addCleanup(guest.close)
        self.assertEqual(guest.post({"type": "VMHeartbeat"}).status, 200)
        self.assertIn(issued["id"], [row["id"] for row in self.site.lbctl("token", "list")])
        self.site.lbctl("token", "revoke", issued["id"])
        answer = guest.post({"type": "VMHeartbeat"})
        self.assertEqual(answer.status, 401, answer)
        self.assertIn("revoked", answer.json()["detail"])
        self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="lb"')

    def test_a_token_ends_by_itself(self):
        guest = self.client("--valid", "1s")
        self.assertEqual(guest.post({"type": "VMHeartbeat"}).status, 200)
        answer = wait_until(lambda: (a := guest.post({"type": "VMHeartbeat"})).status == 401 and a, "the end of the token")
        self.assertIn("ended", answer.json()["detail"])

    def test_what_is_no_token(self):
        good = self.issue()["token"]
        other = self.issue()["token"]
        for token in ("x", "lb1.", good[:-1] + ("A" if good[-1] != "A" else "B"), good[:21] + other[21:],
                      "lb1." + "0" * 16 + good[20:], good + "x", good.upper()):
            client = HttpClient(self.site, token=token)
            self.assertEqual(client.post({"type": "VMHeartbeat"}).status, 401, token)
            client.close()
        self.assertEqual(HttpClient(self.site).post({"type": "VMHeartbeat"}).status, 401)

    def test_a_token_reads_only_if_it_may(self):
        path = "/v1/processes/" + urllib.parse.quote(KEY, safe="")
        self.assertEqual(self.client().get(path).status, 403)
        reader = self.client("--read")
        self.assertEqual(reader.get(path).json()["jobId"], self.id)
        self.assertEqual(reader.get("/v1/processes/" + urllib.parse.quote(OTHER_KEY, safe="")).status, 403)
        other = self.site.status(OTHER_KEY)["jobId"].rsplit("/", 1)[1]
        for path in (f"/{other}", f"/v1/processes/{other}", f"/v1/processes/{other}/events", f"/v1/processes/{other}/why"):
            self.assertEqual(reader.get(path).status, 403, path)
        for path in ("/v1/processes", "/", "/v1/processes?query=" + urllib.parse.quote(f"id={other} or type=virtual_machine")):
            self.assertEqual([row["jobId"] for row in reader.get(path).json()["processes"]], [self.id], path)
        for condition, is_own in ((f"process={other}", False), (f'process="{self.id}"', True)):
            events = reader.get("/v1/events?query=" + urllib.parse.quote(condition)).json()["events"]
            self.assertEqual(bool(events), is_own, condition)
        # A page of what somebody else may see begins nothing for the token.
        mine = self.client("--read", process=OTHER_KEY)
        cursor = mine.get(f"/v1/processes/{other}/events?limit=1").json().get("cursor", "")
        self.assertEqual(reader.get(f"/v1/processes/{other}/events?cursor={cursor}").status, 403)

    # Reading.

    def test_a_process_in_every_form(self):
        reader = self.client("--read")
        path = "/" + self.id.rsplit("/", 1)[1]
        status = reader.get(path)
        self.assertEqual(status.headers["content-type"], "application/json")
        self.assertEqual(status.json()["jobId"], self.id)
        text = reader.get(path + "?text")
        self.assertIn(f"jobId={self.id}\n", text.body)
        self.assertTrue(all("=" in line for line in text.body.splitlines()), text.body)
        page = reader.get(path, Accept="text/html,application/xhtml+xml")
        self.assertTrue(page.headers["content-type"].startswith("text/html"))
        self.assertIn(self.id, page.body)
        self.assertEqual(reader.request("HEAD", path).body, "")
        why = reader.get(f"/v1/processes/{urllib.parse.quote(self.id, safe='')}/why?attribute=vm_state").json()
        self.assertEqual(why["attribute"], "vm_state")
        self.assertEqual(reader.get("/v1/processes/nothing").status, 404)

    def test_a_page_shows_what_was_logged_as_text(self):
        guest = self.client("--read", "--source", "Application")
        self.assertEqual(guest.post({"type": "UserTag", "fields": {"name": "x", "value": "<script>alert(1)</script>"}}).status, 200)
        page = guest.get("/" + self.id.rsplit("/", 1)[1], Accept="text/html")
        self.assertIn("&lt;script&gt;", page.body)
        self.assertNotIn("<script>", page.body)

    def test_what_the_client_has_is_not_sent_again(self):
        guest = self.client("--read", "--source", "Application")
        path = "/" + self.id.rsplit("/", 1)[1]
        tag = guest.get(path).headers["etag"]
        again = guest.get(path, If_None_Match=tag)
        self.assertEqual((again.status, again.body), (304, ""))
        guest.post({"type": "UserTag", "fields": {"name": "etag", "value": uuid.uuid4().hex}})
        changed = guest.get(path, If_None_Match=tag)
        self.assertEqual(changed.status, 200)
        self.assertNotEqual(changed.headers["etag"], tag)

    def test_pages_of_events_and_processes(self):
        guest = self.client("--read", "--source", "Application")
        guest.post([{"type": "UserTag", "fields": {"name": f"t{i}", "value": "x"}} for i in range(7)])
        path = f"/v1/processes/{urllib.parse.quote(self.id, safe='')}/events"
        whole = guest.get(path + "?limit=2000").json()["events"]
        paged, cursor = [], ""
        while True:
            page = guest.get(f"{path}?limit=3&cursor={cursor}").json()
            paged += page["events"]
            cursor = page.get("cursor")
            if not cursor:
                break
        self.assertEqual(paged, whole)
        alice = self.client(name="alice")
        for _ in range(3):
            alice.post({"type": "RegJob", "process": f"https://{self.site.service}/list-{uuid.uuid4().hex}",
                        "source": "UserInterface", "fields": {"jobtype": "VIRTUAL_MACHINE", "ns": "web"}})
        first = alice.get("/v1/processes?type=virtual_machine&limit=1").json()
        self.assertEqual(len(first["processes"]), 1)
        second = alice.get(f"/v1/processes?type=virtual_machine&limit=1&cursor={first['cursor']}").json()
        self.assertNotEqual(first["processes"], second["processes"])
        # A cursor tells nobody how many processes there are, and is good for its own kind of list only.
        number = base64.urlsafe_b64decode(first["cursor"] + "==")
        self.assertFalse(number.isdigit(), number)
        self.assertEqual(len(first["cursor"]), len(alice.get("/v1/processes?type=virtual_machine&limit=2").json()["cursor"]))
        self.assertEqual(alice.get(f"/v1/events?cursor={first['cursor']}").status, 400)
        for query in ("query=hots%3D1", "query=(", "query=type%3Dsimple&owner=x", "sort=nonsense", "limit=x", "cursor=!", "cursor=____", "type=nonsense", "a=1&a=2"):
            answer = alice.get("/v1/processes?" + query)
            self.assertEqual((answer.status, answer.headers["content-type"]), (400, "application/problem+json"), query)

    def test_lists_by_query(self):
        alice, bob = self.client(name="alice"), self.client(name="bob")
        ids = []
        for kind in ("VIRTUAL_MACHINE", "SIMPLE", "SIMPLE"):
            ids.append(f"https://{self.site.service}/query-{uuid.uuid4().hex}")
            alice.post({"type": "RegJob", "process": ids[-1], "source": "UserInterface",
                        "fields": {"jobtype": kind, "ns": "web"}})
        query = "query=" + urllib.parse.quote("type=simple and owner=me")
        found, cursor = [], ""
        while cursor is not None:
            page = alice.get(f"/v1/processes?{query}&fields=jobId&limit=1&cursor={cursor}").json()
            found += page["processes"]
            cursor = page.get("cursor")
        self.assertEqual(sorted(row["jobId"] for row in found), sorted(ids[1:]))
        self.assertTrue(all(set(row) == {"jobId"} for row in found), found)
        self.assertEqual(bob.get("/v1/processes?query=" + urllib.parse.quote("type=simple")).json()["processes"], [])
        events = alice.get("/v1/events?query=" + urllib.parse.quote("type=RegJob")).json()["events"]
        self.assertEqual({row["type"] for row in events}, {"RegJob"})
        self.assertEqual(bob.get("/v1/events").json()["events"], [])
        text = alice.get("/" + ids[0].rsplit("/", 1)[1] + "?text").body
        self.assertIn(f"job={ids[0]}\n", text)
        self.assertIn("status=Submitted\n", text)

    def test_relations_of_a_process_one_hop(self):
        alice, bob = self.client(name="alice"), self.client(name="bob")
        unique = f"family-{uuid.uuid4().hex}"
        answer = alice.post({"type": "RegJob", "process": f"https://{self.site.service}/{unique}", "source": "UserInterface",
                             "fields": {"jobtype": "COLLECTION", "ns": "web", "nsubjobs": "3", "seed": "s"}})
        self.assertEqual(answer.status, 200, answer)
        relations, cursor, pages = [], "", 0
        while cursor is not None:
            page = alice.get(f"/v1/processes/{unique}/relations?limit=2&cursor={cursor}").json()
            relations += page["relations"]
            cursor = page.get("cursor")
            pages += 1
        self.assertEqual((pages, [row["relation"] for row in relations]), (2, ["child"] * 3))
        child = relations[0]["jobId"].rsplit("/", 1)[1]
        parent = alice.get(f"/v1/processes/{child}/relations").json()["relations"]
        self.assertEqual([(row["relation"], row["jobId"].rsplit("/", 1)[1]) for row in parent], [("parent", unique)])
        alice.post({"type": "ConnectJob", "process": relations[0]["jobId"], "source": "UserInterface",
                    "fields": {"dest_jobid": relations[1]["jobId"], "jobtype": "SIMPLE"}})
        connected = [row for row in alice.get(f"/v1/processes/{child}/relations").json()["relations"]
                     if row["relation"] == "connected"]
        self.assertEqual([(row["jobId"], row["connection"]) for row in connected], [(relations[1]["jobId"], "active")])
        self.site.logevent("--sync", "--timeout", "20000", "-s", "VMManager", "-k", OTHER_KEY, "-e", "VMRunning",
                           "--hostname", self.site.host)
        reader = self.client("--read", process=OTHER_KEY)
        carried = reader.get(f"/v1/processes/{urllib.parse.quote(OTHER_KEY, safe='')}/relations").json()
        self.assertEqual({row["host"] for row in carried["relations"] if row["relation"] == "on"}, {self.site.host})
        # Nobody gets by it to what he may not read.
        self.assertEqual(bob.get(f"/v1/processes/{unique}/relations").status, 403)
        self.assertEqual(bob.get("/v1/processes/nothing/relations").status, 404)

    def test_counts(self):
        alice = self.client(name="alice")
        own = "query=" + urllib.parse.quote("owner=me and type=pbs")
        before = alice.get(f"/v1/counts?{own}").json()["counts"][0]["count"]
        for _ in range(2):
            alice.post({"type": "RegJob", "process": f"https://{self.site.service}/count-{uuid.uuid4().hex}",
                        "source": "UserInterface", "fields": {"jobtype": "PBS", "ns": "web"}})
        self.assertEqual(alice.get(f"/v1/counts?{own}").json(), {"counts": [{"count": before + 2}]})
        by_owner = alice.get(f"/v1/counts?{own}&by=owner").json()["counts"]
        self.assertEqual(by_owner, [{"owner": "certificate:/O=lb/CN=alice", "count": before + 2}])
        events = alice.get("/v1/counts?of=events&by=type&query=" + urllib.parse.quote("type=RegJob")).json()["counts"]
        self.assertEqual([row["type"] for row in events], ["RegJob"])
        self.assertEqual(self.client(name="bob").get(f"/v1/counts?{own}").json()["counts"], [{"count": 0}])
        for wrong in ("of=jobs", "by=colour", "query=hots%3D1", "of=events&by=cloud"):
            self.assertEqual(alice.get("/v1/counts?" + wrong).status, 400, wrong)

    # The document.

    def test_the_document_is_openapi(self):
        document = self.client(name="alice").get("/v1/openapi.json").body
        file = self.site.directory / "openapi.json"
        file.write_text(document)
        validator = self.openapi_validator()
        if validator is None:
            print("the validator of npm is not to be had; checking the outline alone", flush=True)
            self.assertTrue(json.loads(document)["openapi"].startswith("3.1."))
            return
        done = subprocess.run([validator, file], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @staticmethod
    def openapi_validator():
        """Of npm, kept with the built files; None without npm or its registry."""
        directory = BIN.parent / "npm"
        program = directory / "node_modules/.bin/validate-api"
        if not program.exists() and shutil.which("npm"):
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory,
                            "@seriousme/openapi-schema-validator@2.11.0"], capture_output=True, timeout=120)
        return program if program.exists() else None

    def test_what_is_served_is_what_the_document_says(self):
        document = self.client(name="alice").get("/v1/openapi.json").json()
        table = (SOURCE / "bkserver/web/routes.cc").read_text()
        served = set(re.findall(r'Route\{"(\w+)",\s+"([^"]+)"', table))
        said = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
        self.assertEqual(served, said)
        # Parameters, too; "*" takes whatever comes, and means some of it.
        words = dict(re.findall(r'constexpr std::string_view (k\w+) =\s+"([^"]+)";', table))
        for method, path, names in re.findall(r'Route\{"(\w+)",\s+"([^"]+)",[^}]*?,\s+(k\w+|"[^"]*")\}', table):
            if names == "kAnyParameter":
                continue
            operation = document["paths"][path][method.lower()]
            described = {item["name"] for item in operation.get("parameters", []) if item["in"] == "query"}
            self.assertEqual(set(words.get(names, names).strip('"').split()), described, path)

    def test_answers_are_as_the_document_says(self):
        if jsonschema is None:
            self.skipTest("python3-jsonschema is not installed")
        guest = self.client("--read", "--source", "Application", "--source", "VMSystem")
        document = guest.get("/v1/openapi.json").json()
        process = urllib.parse.quote(self.id, safe="")
        tag = guest.get(f"/v1/processes/{process}").headers["etag"]
        asked = [("get", "/health", "/health", None, {}), ("get", "/ready", "/ready", None, {}),
                 ("get", "/metrics", "/metrics", None, {}), ("get", "/v1/version", "/v1/version", None, {}),
                 ("get", "/v1/openapi.json", "/v1/openapi.json", None, {}), ("get", "/", "/", None, {}),
                 ("get", "/v1/processes", "/v1/processes", None, {}),
                 ("get", "/v1/processes", "/v1/processes?limit=-1", None, {}),
                 ("get", "/v1/processes", "/v1/processes?query=type%3Dsimple&fields=jobId", None, {}),
                 ("get", "/v1/processes", "/v1/processes?fields=state,owner", None, {}),
                 ("get", "/v1/processes", "/v1/processes?text", None, {}),
                 ("get", "/v1/processes", "/v1/processes", None, {"Accept": "text/html"}),
                 ("get", "/v1/processes", "/v1/processes?ower=me", None, {}),
                 ("get", "/", "/?type=virtual_machine", None, {}),
                 ("get", "/v1/events", "/v1/events?limit=2", None, {}),
                 ("get", "/v1/events", "/v1/events?limit=2&fields=type", None, {}),
                 ("get", "/v1/processes/{process}", f"/v1/processes/{process}?limit=1", None, {}),
                 ("post", "/v1/events", "/v1/events?x=y", {"type": "VMHeartbeat", "source": "VMSystem"}, {}),
                 ("get", "/v1/events", "/v1/events?query=nonsense%3D1", None, {}),
                 ("get", "/v1/changes", "/v1/changes?cursor=nonsense", None, {}),
                 ("get", "/v1/processes/{process}", f"/v1/processes/{process}", None, {}),
                 ("get", "/v1/processes/{process}", f"/v1/processes/{process}?with=history,jdl_classad", None, {}),
                 ("get", "/v1/processes/{process}", f"/v1/processes/{process}?with=more", None, {}),
                 ("get", "/v1/processes/{process}", f"/v1/processes/{process}?text", None, {}),
                 ("get", "/v1/processes/{process}", f"/v1/processes/{process}", None, {"Accept": "text/html"}),
                 ("get", "/v1/processes/{process}", f"/v1/processes/{process}", None, {"If-None-Match": tag}),
                 ("get", "/v1/processes/{process}", "/v1/processes/nothing", None, {}),
                 ("get", "/v1/processes/{process}/events", f"/v1/processes/{process}/events", None, {}),
                 ("get", "/v1/processes/{process}/why", f"/v1/processes/{process}/why", None, {}),
                 ("get", "/v1/processes/{process}/relations", f"/v1/processes/{process}/relations", None, {}),
                 ("get", "/v1/processes/{process}/relations", "/v1/processes/nothing/relations", None, {}),
                 ("get", "/v1/counts", "/v1/counts?by=state", None, {}),
                 ("get", "/v1/counts", "/v1/counts?text", None, {}),
                 ("get", "/v1/counts", "/v1/counts?by=colour", None, {}),
                 ("get", "/{unique}", "/" + self.id.rsplit("/", 1)[1], None, {}),
                 ("post", "/v1/events", "/v1/events", {"type": "VMHeartbeat", "source": "VMSystem"}, {}),
                 ("post", "/v1/events", "/v1/events", {"type": "VMStop", "source": "VMManager"}, {}),
                 ("post", "/v1/events", "/v1/events", "nonsense", {}),
                 ("post", "/v1/events", "/v1/events", [{"type": "VMBoot", "source": "VMSystem"}, {}], {})]
        for method, path, target, body, headers in asked:
            answer = guest.request(method.upper(), target, body=body, **headers)
            self.check_answer(document, document["paths"][path][method], answer)

    def check_answer(self, document, operation, answer):
        said = operation["responses"].get(str(answer.status), operation["responses"]["default"])
        if answer.status < 400:
            self.assertIn(str(answer.status), operation["responses"], answer)
        if "$ref" in said:
            said = document["components"]["responses"][said["$ref"].rsplit("/", 1)[1]]
        if "content" not in said:
            return self.assertEqual(answer.body, "")
        kind = answer.headers["content-type"].split(";")[0]
        self.assertIn(kind, said["content"], answer)
        if kind.endswith("json"):
            schema = {**said["content"][kind]["schema"], "components": document["components"]}
            jsonschema.validate(answer.json(), schema, cls=jsonschema.Draft202012Validator)


if __name__ == "__main__":
    unittest.main(verbosity=2)
