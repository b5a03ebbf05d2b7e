"""Streams of changes: who sees which, how one goes on after a break, what is refused."""

import base64
import json
import time
import unittest
import urllib.parse
import uuid

try:
    import jsonschema
except ImportError:
    jsonschema = None

from http_client import HttpClient, raw_connection
from site_harness import Site, wait_until

POLICY = """
[[rule]]
name = "people register"
allow = ["origin", "registrar", "forwarder"]
who = ["uid:*", "certificate:*"]

[[rule]]
name = "the wall display"
allow = ["monitor"]
who = ["certificate:/O=lb/CN=wall"]
"""
PEOPLE = ("alice", "bob", "carol", "wall")
STREAMS_PER_IDENTITY_MAX = 32


class Stream:
    """GET /v1/changes, read event by event."""

    def __init__(self, site, name, path="/v1/changes", headers="", accept=b"200"):
        self.socket = raw_connection(site, name, timeout=30)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{headers}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = self.file.readline()
        self.id = None
        if accept in self.status:
            while self.file.readline().strip():
                pass
            while self.id is None:  # where the stream begins, at once
                self._line()

    def _line(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the stream ended")
        line = line.decode().rstrip("\r\n")
        if line.startswith("id: "):
            self.id = line[4:]
        return line

    def next(self):
        """The data of the next event."""
        data = ""
        while True:
            line = self._line()
            if line.startswith("data: "):
                data += line[6:]
            elif not line and data:
                return json.loads(data)

    def close(self):
        self.file.close()
        self.socket.close()


class Changes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(policy=POLICY).__enter__()
        for name in PEOPLE:
            cls.site.issue(user=name)
        cls.clients = {name: HttpClient(cls.site, name=name) for name in PEOPLE}

    @classmethod
    def tearDownClass(cls):
        for client in cls.clients.values():
            client.close()
        cls.site.__exit__(None, None, None)

    def stream(self, name, *arguments, **options):
        stream = Stream(self.site, name, *arguments, **options)
        self.addCleanup(stream.close)
        return stream

    def log(self, who, process, kind, source="UserInterface", **fields):
        answer = self.clients[who].post({"type": kind, "process": process, "source": source,
                                         "time": time.time(), "fields": fields})
        self.assertEqual(answer.status, 200, answer)

    def register(self, who, kind="VIRTUAL_MACHINE"):
        process = f"https://{self.site.service}/changes-{uuid.uuid4().hex}"
        self.log(who, process, "RegJob", jobtype=kind, ns="web")
        return process

    def open_to(self, process, name, operation="ADD"):
        self.log("alice", process, "ChangeACL", user_id=f"/O=lb/CN={name}", user_id_type="DN", permission="READ",
                 permission_type="ALLOW", operation=operation)

    def test_everybody_sees_what_is_his(self):
        streams = {name: self.stream(name) for name in PEOPLE}
        hers, his = self.register("alice"), self.register("bob")
        seen = streams["alice"].next()
        self.assertEqual((seen["jobId"], seen["state"], seen["owner"]), (hers, "Submitted", "certificate:/O=lb/CN=alice"))
        self.must_be_a_change(seen)
        # Bob's first is his own: hers, which was earlier, is not in his stream.
        self.assertEqual(streams["bob"].next()["jobId"], his)
        on_the_wall = [streams["wall"].next() for _ in range(2)]
        self.assertEqual({row["jobId"] for row in on_the_wall}, {hers, his})
        for row in on_the_wall:
            self.assertNotIn("owner", row)
            self.assertNotIn("CN=", json.dumps(row))

    def must_be_a_change(self, row):
        """As the server's own document says."""
        document = self.clients["alice"].get("/v1/openapi.json").json()
        schema = document["components"]["schemas"]["Change"]
        self.assertLessEqual(set(row), set(schema["properties"]))
        if jsonschema is not None:
            jsonschema.validate(row, {**schema, "components": document["components"]}, cls=jsonschema.Draft202012Validator)

    def test_access_lists_hold_in_streams(self):
        stream = self.stream("bob")
        shown, hidden = self.register("alice", "SIMPLE"), self.register("alice", "SIMPLE")
        for process in (shown, hidden):
            self.open_to(process, "bob")
        self.open_to(hidden, "bob", "REMOVE")
        for process in (hidden, shown):
            self.log("alice", process, "Cancel", status_code="DONE")
        seen = []

        def read_until(*last):
            while last not in seen:
                row = stream.next()
                seen.append((row["jobId"], row["state"]))
        read_until(shown, "Cancelled")
        # What was committed before this has been looked at with it, in whatever order.
        read_until(self.register("bob"), "Submitted")
        self.assertNotIn((hidden, "Cancelled"), seen)
        self.assertEqual(self.clients["alice"].get("/v1/processes/" + hidden.rsplit("/", 1)[1]).json()["state"], "Cancelled")

    def test_a_stream_goes_on_where_it_broke(self):
        stream = self.stream("alice")
        first = self.register("alice")
        self.assertEqual(stream.next()["jobId"], first)
        place = stream.id
        stream.close()
        missed = [self.register("alice") for _ in range(3)]
        for path, headers in ((f"/v1/changes?cursor={place}", ""), ("/v1/changes", f"Last-Event-ID: {place}\r\n"),
                              # The address is the old one, the header tells how far the client got.
                              (f"/v1/changes?cursor={self.stream('alice').id}", f"Last-Event-ID: {place}\r\n")):
            again = self.stream("alice", path, headers)
            self.assertEqual({again.next()["jobId"] for _ in missed}, set(missed))

    def test_anothers_cursor_shows_nothing_of_his(self):
        stream = self.stream("alice")
        place = stream.id
        hers, his = self.register("alice"), self.register("bob")
        self.assertEqual(stream.next()["jobId"], hers)
        self.assertEqual(self.stream("bob", f"/v1/changes?cursor={place}").next()["jobId"], his)

    def test_a_place_tells_no_numbers(self):
        """Of what is hidden: neither how much there is, nor whether there is more of it."""
        places = [base64.urlsafe_b64decode(self.stream("bob").id + "==") for _ in range(2)]
        self.assertNotEqual(*places)
        self.assertEqual(*map(len, places))
        for place in places:
            self.assertNotRegex(place, rb"\d:\d")
        # Nor is it good for anything else, nor can anybody make one.
        self.assertEqual(self.clients["bob"].get(f"/v1/events?cursor={self.stream('bob').id}").status, 400)
        for made in (b"c1:1", b"c0:0,1:0", bytes(96)):
            path = "/v1/changes?cursor=" + base64.urlsafe_b64encode(made).decode().rstrip("=")
            self.assertEqual(self.clients["bob"].get(path).status, 400, made)

    def test_a_query_selects(self):
        query = urllib.parse.quote("type=simple and owner=me")
        stream = self.stream("alice", f"/v1/changes?query={query}")
        self.register("alice")
        self.register("bob", "SIMPLE")
        wanted = self.register("alice", "SIMPLE")
        self.assertEqual(stream.next()["jobId"], wanted)
        # A query by what one may not see finds nothing: the wall would learn who owns what.
        spying = self.stream("wall", "/v1/changes?query=" + urllib.parse.quote('owner="certificate:/O=lb/CN=alice"'))
        watching = self.stream("wall")
        process = self.register("alice")
        self.assertEqual(watching.next()["jobId"], process)
        spying.socket.settimeout(2)
        with self.assertRaises(TimeoutError):
            spying.next()

    def test_a_token_follows_its_own_process_until_it_is_revoked(self):
        mine, other = self.register("alice", "SIMPLE"), self.register("alice", "SIMPLE")
        token = self.site.lbctl("token", "issue", "--process", mine, "--read")[0]
        stream = self.stream(None, "/v1/changes", f"Authorization: Bearer {token['token']}\r\n")
        accepted = {"source": "NetworkServer", "from": "UserInterface", "from_host": "ui", "from_instance": "1", "local_jobid": "1"}
        for process in (other, mine):
            self.log("alice", process, "Accepted", **accepted)
        seen = stream.next()
        self.assertEqual((seen["jobId"], seen["state"]), (mine, "Waiting"))
        self.site.lbctl("token", "revoke", token["id"])
        self.log("alice", mine, "Cancel", status_code="DONE")
        self.assertEqual(self.clients["alice"].get("/v1/processes/" + mine.rsplit("/", 1)[1]).json()["state"], "Cancelled")
        stream.socket.settimeout(2)
        with self.assertRaises((TimeoutError, EOFError)):
            stream.next()

    def test_what_is_no_cursor_and_no_query_is_refused(self):
        for path in ("?cursor=nonsense", "?cursor=%00", "?cursor=YzE6", "?query=hots%3D1", "?query=(((("):
            answer = self.clients["bob"].get("/v1/changes" + path)
            self.assertEqual((answer.status, answer.headers["content-type"]), (400, "application/problem+json"), path)
        stream = Stream(self.site, None)
        self.assertIn(b"401", stream.status)
        stream.close()

    def test_nobody_takes_all_the_streams(self):
        mine = [self.stream("carol") for _ in range(STREAMS_PER_IDENTITY_MAX)]
        self.assertIn(b"503", self.stream("carol").status)
        process = self.register("alice")
        self.assertEqual(self.stream("alice", f"/v1/changes?cursor={mine[0].id}").next()["jobId"], process)
        mine[0].close()
        wait_until(lambda: b"200" in self.stream("carol").status, "a place that is free again")

    def test_a_client_that_reads_nothing_holds_up_nobody(self):
        deaf = self.stream("alice")
        stream = self.stream("alice")
        for _ in range(20):
            process = self.register("alice")
            self.assertEqual(stream.next()["jobId"], process)
        deaf.close()

    def test_streams_end_with_their_server(self):
        stream = self.stream("alice")
        self.site.server.restart()
        for client in self.clients.values():
            client.close()
        with self.assertRaises((EOFError, OSError)):
            while True:
                stream.next()
        process = self.register("alice")
        self.assertEqual(self.stream("alice", f"/v1/changes?cursor={stream.id}").next()["jobId"], process)

    def test_open_streams_are_counted(self):
        def open_streams():
            lines = self.site.lbctl("server", "metrics")[0]["metrics"].splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("lb_http_streams "))
        streams = [self.stream("alice") for _ in range(3)]
        self.assertGreaterEqual(open_streams(), 3)
        for stream in streams:
            stream.close()
        wait_until(lambda: open_streams() == 0, "no stream", 40)


if __name__ == "__main__":
    unittest.main(verbosity=2)
