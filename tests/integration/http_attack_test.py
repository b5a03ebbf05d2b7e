"""Attacks on the HTTP side: refused, logged, and everybody else is served as before."""

import contextlib
import os
import pathlib
import re
import resource
import socket
import threading
import time
import unittest

from http_client import HttpClient, raw_connection, say
from site_harness import Site, wait_until

KEY = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000c1"
HTTP_CONNECTIONS_MAX = 64
OPTIONS = f"""
connections_max = 600
[http]
connections_max = {HTTP_CONNECTIONS_MAX}
"""


class Attacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(server_options=OPTIONS).__enter__()
        cls.site.issue(user="alice")
        cls.log_event()
        cls.token = cls.site.lbctl("token", "issue", "--process", KEY, "--read")[0]["token"]

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__(None, None, None)

    @classmethod
    def log_event(cls):
        cls.site.logevent("--sync", "--timeout", "20000", "-s", "VMManager", "-k", KEY, "-e", "VMRunning",
                          "--hostname", cls.site.host)

    def must_go_on(self):
        """Events from hosts, events over HTTP, questions."""
        self.log_event()
        client = HttpClient(self.site, token=self.token)
        answer = client.post({"type": "VMHeartbeat"})
        client.close()
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.site.status(KEY)["vm_state"], "running")

    def statuses(self, data, name=None):
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", say(self.site, data, name))]

    def authorized(self, head, body=b""):
        head = head if isinstance(head, bytes) else head.encode()
        return head + f"\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n".encode() + body

    def test_paths_that_lead_elsewhere(self):
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/v1/processes/..%2f..%2fetc%2fpasswd/../x",
                     "//etc/passwd", "/v1/processes/%00", "/v1/processes/%", "/v1/processes/%0d%0aX:y",
                     "/v1/./processes", "/v1//processes", "http://evil.example.org/", "*", "evil:443"):
            found = self.statuses(self.authorized(f"GET {path} HTTP/1.1", b"Connection: close\r\n\r\n"))
            self.assertEqual(found, [400], path)
        wait_until(lambda: "BKS_HTTP_REFUSED" in self.site.server.log.read_text(), "the refusals in the log")
        # An encoded slash is a part of a name, and no process has this one.
        found = self.statuses(self.authorized("GET /v1/processes/..%2F..%2Fetc HTTP/1.1", b"Connection: close\r\n\r\n"))
        self.assertEqual(found, [404])
        self.must_go_on()

    def test_a_request_inside_another_is_not_seen(self):
        hidden = b"GET /v1/processes HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for framing in (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
                        b"Content-Length: 0\r\nContent-Length: 49\r\n\r\n",
                        b"Content-Length: +4\r\n\r\nabcd", b"Content-Length: 0x4\r\n\r\nabcd",
                        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
                        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                        b"X: y\r\n Content-Length: 4\r\n\r\n", b"X: y\nContent-Length: 4\r\n\r\nabcd",
                        b"Host: elsewhere\r\n\r\n", b"Authorization: Bearer x\r\n\r\n"):
            found = self.statuses(self.authorized("POST /v1/events HTTP/1.1", framing + hidden))
            self.assertEqual(len(found), 1, framing)
            self.assertIn(found[0], (400, 411, 501), framing)
        self.must_go_on()

    def test_headers_without_end(self):
        self.assertEqual(self.statuses(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000), [431])
        many = b"".join(b"X%d: y\r\n" % i for i in range(1000))
        self.assertEqual(self.statuses(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + many + b"\r\n"), [431])
        self.must_go_on()

    def test_many_who_do_not_close_after_their_refusal(self):
        refused = [raw_connection(self.site) for _ in range(HTTP_CONNECTIONS_MAX)]
        for connection in refused:
            connection.sendall(b"nonsense\r\n\r\n")
            self.addCleanup(connection.close)
        for connection in refused:
            self.assertIn(b"HTTP/1.1 400 ", connection.recv(65536))
        self.assertEqual(self.statuses(self.authorized("GET /v1/processes HTTP/1.1", b"Connection: close\r\n\r\n")), [200])
        self.must_go_on()

    def test_a_crowd_that_comes_at_once(self):
        crowd = []
        self.addCleanup(lambda: [connection.close() for connection in crowd])

        def come():
            with contextlib.suppress(OSError):
                crowd.append(raw_connection(self.site))
        for _ in range(4):
            comers = [threading.Thread(target=come) for _ in range(HTTP_CONNECTIONS_MAX)]
            for comer in comers:
                comer.start()
            for comer in comers:
                comer.join()
            metrics = self.site.run("lbctl", "server", "metrics").stdout
            there = int(re.search(r"(?m)^lb_http_connections (\d+)$", metrics)[1])
            self.assertLessEqual(there, HTTP_CONNECTIONS_MAX)
        self.must_go_on()

    def test_bodies_that_are_too_long(self):
        # A gibibyte announced is refused before any of it is sent.
        self.assertEqual(self.statuses(self.authorized("POST /v1/events HTTP/1.1", b"Content-Length: 1073741824\r\n\r\n")),
                         [413])
        # Without a token not even a small body is waited for.
        self.assertEqual(self.statuses(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"), [401])
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        self.assertEqual(self.statuses(self.authorized("POST /v1/events HTTP/1.1",
                                                       b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 9)), [413])
        self.must_go_on()

    def test_a_gibibyte_that_is_sent_whatever_the_server_says(self):
        before = self.resident_bytes()
        piece = b" " * 0x100000
        for framing in (b"Content-Length: 1073741824\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
            sent = 0
            with raw_connection(self.site) as connection, self.assertRaises(OSError):
                connection.sendall(self.authorized("POST /v1/events HTTP/1.1", framing))
                while sent < 1024 * len(piece):
                    connection.sendall(piece if b"Length" in framing else b"100000\r\n" + piece + b"\r\n")
                    sent += len(piece)
            self.assertLess(sent, 64 * len(piece), framing)
        self.must_go_on()
        self.assertLess(self.resident_bytes() - before, 64 * len(piece))

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.site.server.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def test_json_that_is_an_attack(self):
        client = HttpClient(self.site, token=self.token)
        for body in ("[" * 1_000_000, '{"a":' * 100_000, '{"type": "VMBoot", "fields": ' + "[" * 100_000,
                     "[" + "1," * 1_000_000 + "1]", '{"type": "' + "x" * 2_000_000 + '"}', "\0" * 1000, "\xff\xfe",
                     '{"type": "VMStop", "time": 1e999}'):
            answer = client.post(body.encode("latin-1"))
            self.assertIn(answer.status, (400, 413, 422), answer)
        client.close()
        self.must_go_on()

    def test_a_page_of_another_site(self):
        client = HttpClient(self.site, name="alice")
        event = {"type": "UserTag", "key": KEY, "fields": {"name": "a", "value": "b"}}
        for headers in ({"Origin": "https://evil.example.org"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
            self.assertEqual(client.post(event, **headers).status, 403, headers)
            client.close()
        self.must_go_on()

    def test_what_others_may_not_read(self):
        process = self.site.status(KEY)["jobId"]
        unique = process.rsplit("/", 1)[1]
        alice = HttpClient(self.site, name="alice")
        for path in (f"/{unique}", f"/v1/processes/{unique}", f"/v1/processes/{unique}/events",
                     f"/v1/processes/{unique}/why"):
            self.assertEqual(alice.get(path).status, 403, path)
        self.assertEqual(alice.get("/v1/processes").json()["processes"], [])
        # A cursor of one who may read gives nothing to one who may not.
        guest = HttpClient(self.site, token=self.token)
        page = guest.get(f"/v1/processes/{unique}/events?limit=1").json()
        self.assertEqual(alice.get(f"/v1/processes/{unique}/events?limit=1&cursor={page['cursor']}").status, 403)
        self.assertEqual(alice.get("/metrics").status, 403)
        alice.close()
        guest.close()
        log = self.site.server.log.read_text()
        self.assertIn("BKS_AUDIT_DENIED", log)

    def test_many_slow_connections(self):
        open_ones = []
        stopping = threading.Event()

        def trickle():
            """TLS, then a head that never ends."""
            try:
                connection = raw_connection(self.site, timeout=30)
                open_ones.append(connection)
                for byte in b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1000:
                    if stopping.wait(0.5):
                        return
                    connection.send(bytes([byte]))
            except OSError:
                pass
        # Strangers that never shake hands, more than may at once ...
        for _ in range(250):
            silent = socket.create_connection(("127.0.0.1", self.site.port), timeout=30)
            open_ones.append(silent)
        # ... and clients that never finish a request, more than may be connected.
        threads = [threading.Thread(target=trickle, daemon=True) for _ in range(120)]
        for thread in threads:
            thread.start()
        begin = time.monotonic()
        while time.monotonic() < begin + 6:
            self.must_go_on()
        stopping.set()
        for connection in open_ones:
            connection.close()
        for thread in threads:
            thread.join(30)
        dropped = re.search(r"^lb_http_dropped_total (\d+)", self.site.lbctl("server", "metrics")[0]["metrics"], re.M)
        self.assertGreater(int(dropped.group(1)), 0)
        wait_until(lambda: "BKS_HTTP_REFUSED" in self.site.server.log.read_text(), "the refusals in the log")

    def test_thousands_of_connections_that_say_nothing(self):
        """10,000, if this process may have as many descriptors."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        silent = []
        self.addCleanup(lambda: [connection.close() for connection in silent])
        before = self.resident_bytes()
        for i in range(min(10_000, hard - 500)):
            connection = socket.create_connection(("127.0.0.1", self.site.port), timeout=30)
            silent.append(connection)
            if i % 2:  # half of a handshake
                connection.send(b"\x16\x03\x01\x02\x00\x01")
            if i % 2500 == 0:
                self.must_go_on()
        self.must_go_on()
        self.assertLess(self.resident_bytes() - before, 256 * 1024 * 1024)
        self.assertLess(len(os.listdir(f"/proc/{self.site.server.process.pid}/fd")), 1000)

    def test_streams_leave_room_for_others(self):
        path = "GET /v1/changes HTTP/1.1\r\nHost: localhost\r\n"
        streams = []
        self.addCleanup(lambda: [stream.close() for stream in streams])
        for _ in range(HTTP_CONNECTIONS_MAX // 2):
            streams.append(raw_connection(self.site, "alice"))
            streams[-1].sendall(path.encode() + b"\r\n")
            self.assertIn(b" 200 ", streams[-1].recv(100))
        refused = self.statuses(self.authorized("GET /v1/changes HTTP/1.1", b"Connection: close\r\n\r\n"))
        self.assertEqual(refused, [503])
        self.must_go_on()

    def test_a_client_that_reads_nothing(self):
        connection = raw_connection(self.site)
        for _ in range(100):
            connection.sendall(self.authorized("GET /v1/processes HTTP/1.1", b"\r\n"))
        for _ in range(3):
            self.must_go_on()
        connection.close()
        self.must_go_on()

    def test_the_server_ends_well(self):
        self.must_go_on()
        self.assertTrue(self.site.server.is_up())


if __name__ == "__main__":
    unittest.main(verbosity=2)
