"""Producers of other hosts log to a logger over TLS: what they say arrives under the name of their certificate, whoever
may not come in is refused with a reason, and local producers never notice."""

import contextlib
import os
import signal
import socket
import ssl
import time
import unittest
import uuid

from refusals_test import frame
from site_harness import BIN, HOST, Site, free_port, run, wait_until

LOG, FAILURE, LOG_REPLY = 7, 6, 8
# The gateway may state who logged over TLS at its logger; what each of them may do is asked of him.
POLICY = f"""
[[rule]]
name = "hosts deliver; the gateway what it was told over TLS, too"
allow = ["forwarder", "adopter"]
who = ["certificate:*/CN=host/*"]
hosts = ["own"]
vouches = ["uid", "channel", "certificate"]

[[rule]]
name = "users of hosts log and register"
allow = ["origin", "registrar"]
who = ["uid:*"]

[[rule]]
name = "worker nodes say what happens to machines"
allow = ["origin", "adopter"]
who = ["certificate:*/CN=host/worker*"]
sources = ["VMManager"]
"""


class Remote(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.site = Site(policy=POLICY)
        site = cls.site
        config = site.logd.config
        config.write_text(
            'sources = ["uid:0: *", "*: Undefined UserInterface Application LRMS", '
            '"certificate:*/CN=host/worker*: VMManager"]\n' + config.read_text() +
            f'[remote]\nport = {cls.port}\naddress = "127.0.0.1"\nconnections_max = 16\nconnections_per_name_max = 4\n' +
            site.tls(HOST))
        cls.enterClassContext(site)
        for name in ("worker1", "worker2", "stranger"):
            site.issue(host=name)

    def producer(self, name, authority=None):
        """The environment of a host that has no logger of its own."""
        pki = self.site.pki
        return {"LB_LOGGER": f"tls://localhost:{self.port}", "LB_CA": str(authority or f"{pki}/ca.pem"),
                "LB_CERT": f"{pki}/{name}.pem", "LB_KEY": f"{pki}/{name}.key", "LB_SOCKET": "", "LB_DROP_DIR": ""}

    def log(self, name, machine, *arguments, check=True, **more):
        return self.site.run("lb-logevent", "-T", "10000", "-s", "VMManager", "-e", "VMRunning", "-k",
                             f"libvirt-uuid:/{machine}", "--hostname", name, *arguments, check=check,
                             environment=self.producer(name, **more))

    def test_an_event_arrives_under_the_name_of_its_sender(self):
        machine = uuid.uuid4()
        self.log("worker1", machine, "--sync")
        self.assertEqual(self.site.status(f"libvirt-uuid:/{machine}")["vm_state"], "running")
        row = self.site.lbctl("history", f"libvirt-uuid:/{machine}")[0]
        self.assertEqual(row["identity"], "certificate:/O=lb/CN=host/worker1")
        self.assertEqual(row["forwarder"], f"certificate:/O=lb/CN=host/{HOST}")
        self.assertEqual(row["accepted_on"], HOST)

    def test_the_variable_of_the_original(self):
        machine = uuid.uuid4()
        environment = self.producer("worker1")
        environment |= {"LB_LOGGER": "", "GLITE_WMS_LOG_DESTINATION": f"127.0.0.1:{self.port}"}
        self.site.run("lb-logevent", "-T", "10000", "-s", "VMManager", "-e", "VMRunning", "-k", f"libvirt-uuid:/{machine}",
                      "--hostname", "worker1", environment=environment)
        self.site.wait_for(f"libvirt-uuid:/{machine}", vm_state="running")
        self.assertIn("worker1", self.site.lbctl("history", f"libvirt-uuid:/{machine}")[0]["identity"])

    def test_a_program_of_the_c_library(self):
        machine = uuid.uuid4()
        lines = ("import ctypes",
                 "lb = ctypes.CDLL('liblb.so.0')",
                 "lb.lb_context_new.restype = lb.lb_event_new.restype = lb.lb_last_text.restype = ctypes.c_void_p",
                 "context, event = (ctypes.c_void_p(made) for made in (lb.lb_context_new(), lb.lb_event_new(b'VMRunning')))",
                 f"for option, value in ((3, b'10000'), (4, b'VMManager'), (8, b'tls://localhost:{self.port}')):",
                 "    assert lb.lb_context_set(context, option, value) == 0",
                 "assert lb.lb_event_set(event, b'hostname', b'worker1') == 0",
                 f"outcome = lb.lb_log(context, b'libvirt-uuid:/{machine}', event, 1, None)",
                 "print(outcome, ctypes.string_at(lb.lb_last_text()).decode())")
        environment = {**self.site.environment, **self.producer("worker1"), "LB_LOGGER": "",
                       "LD_LIBRARY_PATH": str(BIN.parent / "lib")}
        done = run("python3", "-c", "\n".join(lines), environment=environment)
        self.assertEqual(done.stdout.split()[0], "1", done.stdout)  # LB_COMMITTED
        self.assertEqual(self.site.status(f"libvirt-uuid:/{machine}")["vm_state"], "running")

    def test_the_servers_policy_has_the_last_word(self):
        """What the logger lets in is judged again where it counts."""
        uid = os.getuid()
        job = self.site.lbctl("register", "job")[0]["process"]
        done = self.site.run("lb-logevent", "-T", "10000", "--sync", "-s", "VMManager", "-j", job, "-e", "ChangeACL",
                             check=False, environment=self.producer("worker1"))
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("certificate:/O=lb/CN=host/worker1", done.stderr)
        self.assertEqual(self.site.status(job)["owner"], f"uid:{uid}@{HOST}")

    def must_be_refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.must_go_on()

    def must_go_on(self):
        """A local producer, and one over TLS."""
        self.site.logevent("-s", "VMManager", "-k", f"libvirt-uuid:/{uuid.uuid4()}", "-e", "VMRunning")
        self.log("worker2", uuid.uuid4())

    def must_log(self, *words):
        """One line of the logger has all of them."""
        wait_until(lambda: any(all(word in line for word in words)
                               for line in self.site.logd.log.read_text().splitlines()), f"a line with {words}")

    def test_somebody_whom_no_rule_names(self):
        self.must_be_refused(self.log("stranger", uuid.uuid4(), check=False), 77, "/O=lb/CN=host/stranger", "sources")
        self.must_log("LGD_REMOTE_REFUSED", "certificate:/O=lb/CN=host/stranger", "127.0.0.1", "add \"certificate:")

    def test_a_source_that_no_rule_gives_him(self):
        done = self.site.run("lb-logevent", "-T", "10000", "-s", "CloudManager", "-e", "VMStop", "-k",
                             f"libvirt-uuid:/{uuid.uuid4()}", check=False, environment=self.producer("worker1"))
        self.must_be_refused(done, 77, "certificate:/O=lb/CN=host/worker1 may not log as source CloudManager")

    def test_a_certificate_that_has_expired(self):
        self.site.issue(host="worker3", days=-1)
        self.must_be_refused(self.log("worker3", uuid.uuid4(), check=False), 77, "expired")
        self.must_log("LGD_REMOTE_REFUSED", "expired")

    def test_a_certificate_of_somebody_elses_authority(self):
        other = self.site.directory / "other-pki"
        self.site.run("lbctl", "pki", "init", other)
        self.site.issue(host="worker4", authority=other, out=self.site.pki / "worker4")
        self.must_be_refused(self.log("worker4", uuid.uuid4(), check=False), 77)
        self.must_log("LGD_REMOTE_REFUSED", "authorit")

    def test_a_logger_that_is_not_who_he_is_believed_to_be(self):
        other = self.site.directory / "not-his-pki"
        self.site.run("lbctl", "pki", "init", other)
        self.must_be_refused(self.log("worker1", uuid.uuid4(), check=False, authority=other / "ca.pem"), 77, "localhost")

    def test_a_certificate_that_is_revoked_while_the_logger_runs(self):
        self.site.issue(host="worker5")
        self.log("worker5", uuid.uuid4())
        self.site.run("lbctl", "pki", "revoke", self.site.pki, self.site.pki / "worker5.pem")
        self.site.trust_again()
        self.site.logd.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log("worker5", uuid.uuid4(), check=False).returncode == 77, "the revocation to count")
        self.must_log("LGD_REMOTE_REFUSED", "revoked")
        self.must_go_on()

    def test_the_loggers_own_certificate_is_replaced_while_it_runs(self):
        """A connection that is open goes on; new ones meet the new certificate."""
        with self.connect() as connection:
            before = connection.getpeercert()["serialNumber"]
            self.site.issue(host=HOST, also=("localhost", "127.0.0.1"))
            self.site.logd.process.send_signal(signal.SIGHUP)

            def is_new():
                with self.connect() as other:
                    return other.getpeercert()["serialNumber"] != before
            wait_until(is_new, "the new certificate")
            connection.sendall(frame(LOG, b"no envelope"))
            self.assertEqual(self.reply_of(connection)[0], LOG_REPLY)
        self.must_go_on()

    def connect(self, name="worker1", alpn="lb/1"):
        context = ssl.create_default_context(cafile=f"{self.site.pki}/ca.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols([alpn])
        if name:
            context.load_cert_chain(f"{self.site.pki}/{name}.pem", f"{self.site.pki}/{name}.key")
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return context.wrap_socket(raw, server_hostname="localhost")

    @staticmethod
    def reply_of(connection):
        """(type, payload) of the next frame."""
        received = b""
        while len(received) < 12 or len(received) < 12 + int.from_bytes(received[:4], "little"):
            chunk = connection.recv(65536)
            if not chunk:
                return None, received
            received += chunk
        return received[8], received[12:]

    def end_of(self, connection):
        """Until the logger ends it."""
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                pass
        connection.close()

    def test_no_certificate(self):
        with contextlib.suppress(OSError):
            self.end_of(self.connect(name=None))
        self.must_log("LGD_REMOTE_REFUSED", "certificate", "127.0.0.1")
        self.must_go_on()

    def test_https_is_the_servers(self):
        with contextlib.suppress(OSError):
            self.end_of(self.connect(alpn="http/1.1"))
        self.must_log("LGD_REMOTE_REFUSED", "lb/1")
        self.must_go_on()

    def test_plain_text(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.end_of(plain)
        self.must_log("LGD_REMOTE_REFUSED", "TLS")
        self.must_go_on()

    def test_bytes_that_are_no_frame(self):
        connection = self.connect()
        connection.sendall(os.urandom(4096))
        self.end_of(connection)
        self.must_log("LGD_REMOTE_ENDED", "certificate:/O=lb/CN=host/worker1", "frame")
        self.must_go_on()

    def test_a_frame_that_is_no_event_for_a_logger(self):
        with self.connect() as connection:
            connection.sendall(frame(9, b""))
            kind, payload = self.reply_of(connection)
            self.assertEqual(kind, FAILURE)
            self.assertIn(b"takes LOG frames from other hosts", payload)
        self.must_go_on()

    def test_a_frame_that_comes_byte_by_byte(self):
        """It is answered in the end; nobody waits for it meanwhile."""
        with self.connect() as connection:
            for byte in frame(LOG, b"no envelope, but slowly"):
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
                if byte == ord(","):
                    self.must_go_on()
            self.assertEqual(self.reply_of(connection)[0], LOG_REPLY)

    def test_many_under_one_name(self):
        """One name takes no more than its share, and nobody else's."""
        with contextlib.ExitStack() as stack:
            kept = [stack.enter_context(self.connect()) for _ in range(4)]
            fifth = stack.enter_context(self.connect())
            kind, payload = self.reply_of(fifth)
            self.assertEqual(kind, FAILURE)
            self.assertIn(b"connections_per_name_max", payload)
            self.must_go_on()
            kept[0].sendall(frame(LOG, b"no envelope"))
            self.assertEqual(self.reply_of(kept[0])[0], LOG_REPLY)

    def test_strangers_who_say_nothing(self):
        """More of them than there is room for: who knows how to shake hands gets in all the same."""
        with contextlib.ExitStack() as stack:
            for _ in range(15):
                stack.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=20))
            self.must_go_on()

    def test_a_producer_who_takes_no_answers(self):
        """He is held up by his own full socket; the memory of the logger is not his."""
        connection = self.connect()
        connection.settimeout(0.5)
        with contextlib.suppress(OSError):
            for _ in range(200_000):
                connection.sendall(frame(LOG, b"no envelope") * 64)
        self.must_go_on()
        connection.close()

    def test_killed_after_the_answer(self):
        """What was acknowledged over TLS is on the disk."""
        machines = [uuid.uuid4() for _ in range(5)]
        self.site.interlogd.kill()
        for machine in machines:
            self.log("worker1", machine)
        self.site.logd.kill()
        self.site.logd.start()
        self.site.interlogd.start()
        for machine in machines:
            self.site.wait_for(f"libvirt-uuid:/{machine}", vm_state="running")

    def test_a_logger_that_is_away(self):
        """The call ends within its time, and says that nobody took the event; a drop directory is used if it is named."""
        environment = {**self.producer("worker1"), "LB_LOGGER": f"tls://localhost:{free_port()}"}
        words = ["lb-logevent", "-T", "500", "-s", "VMManager", "-e", "VMRunning", "-k", f"libvirt-uuid:/{uuid.uuid4()}"]
        done = self.site.run(*words, check=False, environment=environment)
        self.assertEqual(done.returncode, 75, done.stderr)
        drop = self.site.directory / "kept"
        drop.mkdir()
        self.site.run(*words, "--drop-dir", drop, environment=environment)
        self.assertEqual(len(list(drop.glob("*.event"))), 1)

    def test_doctor_looks_at_the_port(self):
        findings = {row["check"]: row for row in self.site.lbctl("doctor", check=False)}
        self.assertIn(f"port {self.port}, ", findings["producers of other hosts"]["found"])
        self.assertIn(f"CN=host/{HOST}, valid for", findings["certificate of lb-logd"]["found"])

    def test_without_what_it_needs(self):
        environment = {**self.producer("worker1"), "LB_KEY": ""}
        self.must_be_refused(self.site.run("lb-logevent", "-s", "VMManager", "-e", "VMRunning", "-k", "libvirt-uuid:/x",
                                           check=False, environment=environment), 65, "LB_KEY")
        done = self.site.run("lb-logevent", "--logger", "somewhere:1", check=False)
        self.assertEqual(done.returncode, 64)
        self.assertIn("tls://HOST:PORT", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
