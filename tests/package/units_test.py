"""The daemons under systemd's protocol: sockets passed on, readiness, watchdog, reload and end told.
The manager's side is played here, for there is none in a container."""

import contextlib
import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

from site_harness import BIN, HOST, SiteTest, run, wait_until


class Manager:
    """What systemd does for one service: the notify socket and the descriptors it hands over."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory) / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(0.2)
        self.told = []
        self.process = None

    def start(self, command, environment, listeners):
        """`listeners`: sockets that it is given, by their FileDescriptorName."""
        variables = dict(environment, NOTIFY_SOCKET=str(self.path), WATCHDOG_USEC="4000000")
        shell = "exec \"$@\""
        passed = ()
        if listeners:
            passed = tuple(listener.fileno() for listener in listeners.values())
            # Up high first: their numbers may be among those that they are to have.
            moves = "".join(f"exec {100 + i}<&{number}; " for i, number in enumerate(passed))
            moves += "".join(f"exec {3 + i}<&{100 + i} {100 + i}<&-; " for i in range(len(passed)))
            variables["LISTEN_FDNAMES"] = ":".join(listeners)
            shell = f"{moves}LISTEN_PID=$$ LISTEN_FDS={len(passed)} exec \"$@\""
        self.process = subprocess.Popen(["bash", "-c", shell, "bash", *map(str, command)], env=variables,
                                        pass_fds=passed, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)

    def has_told(self, word):
        try:
            while True:
                self.told += self.socket.recv(4096).decode().splitlines()
        except TimeoutError:
            return word in self.told

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.socket.close()
        return self.process.returncode


class Units(SiteTest):
    @contextlib.contextmanager
    def under_a_manager(self, daemon, **listeners):
        daemon.stop()
        with tempfile.TemporaryDirectory(prefix="lb-notify-") as directory:
            manager = Manager(directory)
            manager.start([BIN / daemon.name, "--config", daemon.config, "--state-dir", daemon.state, "--runtime-dir",
                           daemon.runtime], self.site.environment, listeners)
            try:
                for word in ("READY=1", "WATCHDOG=1"):
                    wait_until(lambda: manager.has_told(word), f"{daemon.name} tells {word}", 60)
                manager.told.clear()
                os.kill(manager.process.pid, 1)
                wait_until(lambda: manager.has_told("RELOADING=1"), f"{daemon.name} tells RELOADING=1")
                wait_until(lambda: manager.has_told("READY=1"), f"{daemon.name} tells READY=1 again")
                yield
                self.assertIsNone(manager.process.poll())
            finally:
                status = manager.end()
            self.assertEqual(status, 0)
        daemon.start()

    def test_every_daemon_tells_how_it_is(self):
        for daemon in self.site.daemons:
            with self.subTest(daemon=daemon.name):
                with self.under_a_manager(daemon):
                    pass

    def test_no_producer_notices_a_restart_of_the_logger(self):
        path = self.site.directory / "activated.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1024)
            key = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000bb"
            logging = [BIN / "lb-logevent", "-s", "VMManager", "-k", key, "-e", "VMRunning", "--hostname", HOST,
                       "--timeout", "30000"]
            environment = dict(self.site.environment, LB_SOCKET=str(path), LB_DROP_DIR="")
            for _ in range(2):  # between the two lives of the logger the socket stays
                waiting = subprocess.Popen(list(map(str, logging)), env=environment, stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, text=True)
                with self.under_a_manager(self.site.logd, producers=listener):
                    output, problem = waiting.communicate(timeout=40)
                    self.assertEqual((waiting.returncode, problem), (0, ""))
                    self.assertRegex(output, r"^[0-9a-f-]{36}\n$")
        self.site.wait_settled()
        self.assertEqual(len(self.site.lbctl("history", key)), 2)

    def test_the_port_for_other_hosts_is_systemds(self):
        """The logger listens at what it was given, and opens no socket of the network itself."""
        site = self.site
        site.logd.config.write_text('sources = ["*: VMManager", "certificate:*/CN=host/*: VMManager"]\n' +
                                    site.logd.config.read_text() + site.tls(HOST))
        key = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000cc"
        with socket.socket(socket.AF_UNIX) as local, socket.create_server(("127.0.0.1", 0)) as port:
            local.bind(str(site.directory / "both.sock"))
            local.listen(16)
            over_tls = {"LB_LOGGER": f"tls://localhost:{port.getsockname()[1]}", "LB_CA": f"{site.pki}/ca.pem",
                        "LB_CERT": f"{site.pki}/{HOST}.pem", "LB_KEY": f"{site.pki}/{HOST}.key", "LB_DROP_DIR": ""}
            here = {"LB_SOCKET": str(site.directory / "both.sock"), "LB_DROP_DIR": ""}
            with self.under_a_manager(site.logd, remote=port, producers=local):
                for environment in (over_tls, here):
                    site.run("lb-logevent", "-T", "20000", "-s", "VMManager", "-k", key, "-e", "VMRunning", "--hostname",
                             HOST, environment=environment)
        site.wait_settled()
        self.assertEqual({row["identity"].split(":")[0] for row in site.lbctl("history", key)}, {"certificate", "uid"})

    def test_a_wrong_configuration_is_found_before_the_start(self):
        path = self.site.directory / "wrong.toml"
        path.write_text("drop_sacn_ms = 5\n")
        done = run(BIN / "lb-logd", "--config", path, "--check-config", check=False)
        self.assertEqual(done.returncode, 78)
        self.assertIn("drop_scan_ms", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
