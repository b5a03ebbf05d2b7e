"""What comes in wrong is refused with a clear message, counted, and the rest goes on."""

import contextlib
import os
import resource
import socket
import ssl
import struct
import subprocess
import time
import unittest

from site_harness import BIN, HOST, SiteTest, cpu_seconds, run, wait_until
from tcp_proxy import TcpProxy
from ulm_lines import lives

HELLO, BATCH, REQUEST = 1, 3, 9


def crc32c(data):
    table = crc32c.table
    value = 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _make_table():
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


crc32c.table = _make_table()


def frame(kind, payload, version=1):
    """As common/frame/FORMAT.md says."""
    tail = struct.pack("<BBH", kind, version, 0)
    return struct.pack("<II", len(payload), crc32c(tail + payload)) + tail + payload


class Refusals(SiteTest):
    def network(self, name, authority=None):
        pki = self.site.pki
        return {"LB_SERVER": self.site.service, "LB_CA": str(authority or f"{pki}/ca.pem"),
                "LB_CERT": f"{pki}/{name}.pem", "LB_KEY": f"{pki}/{name}.key"}

    def connect(self, name=HOST):
        context = ssl.create_default_context(cafile=f"{self.site.pki}/ca.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["lb/1"])
        if name:
            context.load_cert_chain(f"{self.site.pki}/{name}.pem", f"{self.site.pki}/{name}.key")
        raw = socket.create_connection(("127.0.0.1", self.site.port), timeout=10)
        return context.wrap_socket(raw, server_hostname="localhost")

    def reply_to(self, data, name=HOST):
        """What the server says before it closes."""
        with self.connect(name) as connection:
            received = b""
            try:
                connection.sendall(data)
                while chunk := connection.recv(65536):
                    received += chunk
            except (ssl.SSLError, OSError) as error:
                return received + str(error).encode()
            return received

    def must_go_on(self):
        uuid = "6b1a2a9e-0000-4000-8000-0000000000aa"
        self.site.logevent("--sync", "--timeout", "10000", "-s", "VMManager", "-k", f"libvirt-uuid:/{uuid}", "-e",
                           "VMRunning", "--hostname", HOST)
        self.assertEqual(self.site.status(f"libvirt-uuid:/{uuid}")["vm_state"], "running")

    def test_out_of_descriptors(self):
        """New peers wait, the daemon does not spin, and goes on when there are descriptors again."""
        daemons = {self.site.logd: self.to_logger, self.site.server: lambda: socket.create_connection(
            ("127.0.0.1", self.site.port), timeout=10)}
        for daemon, peer in daemons.items():
            pid = daemon.process.pid
            before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + 2, before[1]))
            with contextlib.ExitStack() as peers:
                for _ in range(20):
                    peers.enter_context(peer())
                time.sleep(0.5)
                spent = cpu_seconds(pid)
                time.sleep(1.5)
                self.assertLess(cpu_seconds(pid) - spent, 0.5, daemon.name)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            self.must_go_on()
        self.assertIn("LGD_ACCEPT_PAUSED", self.site.logd.log.read_text())

    def test_a_server_that_goes_away(self):
        """Whoever is sending to it says so; no signal ends the program."""
        proxy = TcpProxy(seed=0)
        self.addCleanup(proxy.close)
        proxy.set_targets([("127.0.0.1", self.site.port)])
        lines = self.site.directory / "many.ulm"
        lines.write_text("".join(lives(self.site.service, 50_000)))
        environment = {**self.site.environment, **self.network(HOST), "LB_SERVER": f"localhost:{proxy.port}"}
        loading = subprocess.Popen([BIN / "lbctl", "load", lines], env=environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        proxy.is_refusing = True
        proxy.cut()
        loading.wait(60)
        self.assertGreater(loading.returncode, 0)
        self.assertIn("begin again", loading.communicate()[1])
        self.must_go_on()

    def to_logger(self):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(self.site.environment["LB_SOCKET"])
        return peer

    def test_frames_that_are_none(self):
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 4096, b"\xff" * 4096,
                     struct.pack("<II", 0x7FFFFFFF, 0) + b"\x01\x01\0\0"):
            self.reply_to(data)
            self.must_go_on()

    def test_a_frame_of_an_unknown_version(self):
        self.reply_to(frame(HELLO, b"", version=99))
        self.must_go_on()

    def test_a_batch_before_hello(self):
        self.assertIn(b"HELLO", self.reply_to(frame(BATCH, b"")))
        self.must_go_on()

    def test_a_torn_frame(self):
        with self.connect() as connection:
            connection.sendall(frame(HELLO, b"x" * 100)[:50])
        self.must_go_on()

    def test_no_certificate(self):
        self.reply_to(frame(HELLO, b""), name=None)
        self.must_go_on()

    def test_a_certificate_of_another_authority(self):
        other = self.site.directory / "other"
        run("lbctl", "pki", "init", other, environment=self.site.environment)
        self.site.issue(host="evil.example.org", authority=other, out=self.site.pki / "evil")
        done = self.site.run("lbctl", "server", "version", check=False, environment=self.network("evil"))
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("does not trust the authority", done.stderr)
        wait_until(lambda: "BKS_CONNECTION_REFUSED" in self.site.server.log.read_text(), "the refusal in the log")
        self.must_go_on()

    def test_an_expired_certificate(self):
        self.site.issue(host="old.example.org", days=-1, out=self.site.pki / "old")
        done = self.site.run("lbctl", "server", "version", check=False, environment=self.network("old"))
        self.assertNotEqual(done.returncode, 0)
        self.must_go_on()

    def test_a_revoked_certificate(self):
        self.site.issue(host="gone.example.org", out=self.site.pki / "gone")
        version = ("server", "version")
        self.assertTrue(self.site.lbctl(*version, environment=self.network("gone")))
        run("lbctl", "pki", "revoke", self.site.pki, f"{self.site.pki}/gone.pem", environment=self.site.environment)
        self.site.trust_again()
        done = wait_until(lambda: self.refusal_of("gone"), "the refusal of the revoked certificate")
        self.assertIn("revoked", done.stderr)
        self.must_go_on()

    def refusal_of(self, name):
        done = self.site.run("lbctl", "server", "version", check=False, environment=self.network(name))
        return done if done.returncode != 0 else None

    def test_a_server_that_is_not_who_it_says(self):
        other = self.site.directory / "other2"
        run("lbctl", "pki", "init", other, environment=self.site.environment)
        done = self.site.run("lbctl", "server", "version", check=False,
                             environment=self.network(HOST, authority=f"{other}/ca.pem"))
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("authority", done.stderr)

    def test_garbage_at_the_logger(self):
        for data in (b"hello\n", b"\xff" * 10000, frame(7, b"no envelope"), frame(7, b"x", version=9)):
            with socket.socket(socket.AF_UNIX) as producer:
                producer.settimeout(10)
                producer.connect(self.site.environment["LB_SOCKET"])
                try:
                    producer.sendall(data)
                    producer.shutdown(socket.SHUT_WR)
                    while producer.recv(65536):
                        pass
                except OSError:
                    pass
        self.must_go_on()

    def test_a_destination_that_is_not_allowed(self):
        done = self.site.logevent("-s", "VMManager", "-j", "https://evil.example.org:9000/x", "-e", "VMRunning", check=False)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("evil.example.org:9000", done.stderr)

    def test_an_event_that_is_too_large(self):
        done = self.site.run("lb-logevent", "-s", "VMManager", "-k",
                             "libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000aa", "-e", "VMCreate",
                             *[word for i in range(9) for word in ("--attribute", f"a{i}=" + "x" * 120_000)], check=False)
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn("larger than", done.stderr)

    def test_probes(self):
        context = ssl.create_default_context(cafile=f"{self.site.pki}/ca.pem")
        context.set_alpn_protocols(["http/1.1"])

        def get(path):
            raw = socket.create_connection(("127.0.0.1", self.site.port), timeout=10)
            with context.wrap_socket(raw, server_hostname="localhost") as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                received = b""
                while chunk := connection.recv(65536):
                    received += chunk
            return received
        self.assertIn(b"200", get("/health").split(b"\r\n")[0])
        self.assertIn(b"200", get("/ready").split(b"\r\n")[0])
        self.assertIn(b"401", get("/metrics").split(b"\r\n")[0])
        self.assertIn(b"401", get("/nothing").split(b"\r\n")[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
