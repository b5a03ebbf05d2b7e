"""A whole site for tests: a certificate authority, lb-bkserver with its own database, lb-logd and
lb-interlogd, in one private directory, on loopback ports. Daemons are started, stopped, killed and
restarted by their process numbers."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("LB_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("LB_BINARY_DIR", SOURCE / "build" / "dev")) / "bin"
HOST = socket.gethostname()
READY_SECONDS = 60


class Failed(Exception):
    """A program of ours did not do what the test needs."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=30.0):
    """The first true value of condition(), asked again and again for so long."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} seconds")
        time.sleep(0.02)


class Daemon:
    """One of our daemons as a child process."""

    def __init__(self, name, config, state, runtime):
        self.name = name
        self.config = config
        self.state = state
        self.runtime = runtime
        self.log = config.with_suffix(".log")
        self.prefix = []         # a command that runs it in another way: as somebody else
        self.environment = None  # None: the test's own
        self.process = None

    def start(self, wait=True):
        log = open(self.log, "ab")
        begin = log.tell()
        self.process = subprocess.Popen(
            [*self.prefix, BIN / self.name, "--config", self.config, "--state-dir", self.state, "--runtime-dir",
             self.runtime],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=self.environment)
        log.close()
        if wait:
            wait_until(lambda: self._is_ready(begin), f"{self.name} ready", READY_SECONDS)
        return self

    def _is_ready(self, begin):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
        return b"APP_STARTED" in self.log.read_bytes()[begin:]

    def tail(self, lines=20):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def is_up(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """SIGTERM; the exit status."""
        if self.is_up():
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Failed(f"{self.name} did not stop:\n{self.tail()}")
        return self.process.returncode if self.process else None

    def kill(self):
        if self.is_up():
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def restart(self):
        self.stop()
        return self.start()


class Site:
    """with Site() as site: ..."""

    def __init__(self, host=HOST, policy=None, server_options="", logd_options="", interlogd_options="",
                 service_port=None):
        """`service_port`: where the service is reached when a test stands between it and the server."""
        self.host = host
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lb-site-"))
        self.directory.chmod(0o755)  # users of the host reach the logger's socket
        self.port = free_port()
        self.service = f"localhost:{service_port or self.port}"
        self.pki = self.directory / "pki"
        self.environment = dict(os.environ)
        self.authorities = self.directory / "authorities"
        run(BIN / "lbctl", "pki", "init", self.pki)
        self._copy_authorities()
        self.issue(host=host, also=("localhost", "127.0.0.1"))
        self.issue(host="localhost", also=(host, "127.0.0.1"))
        if policy is not None:
            (self.directory / "policy.toml").write_text(policy)
            server_options = f'policy = "{self.directory}/policy.toml"\n' + server_options
        self.server = self.make_server("server", self.port, server_options)
        self.logd, self.interlogd = self.make_node("node", host, logd_options, interlogd_options)
        self.daemons = [self.server, self.logd, self.interlogd]
        self.environment.update({
            "LB_SERVER": str(self.directory / "server/run/bkserver.sock"),
            "LB_SOCKET": str(self.directory / "node/run/logd.sock"),
            "LB_DROP_DIR": str(self.directory / "node/drop"),
            "LB_SPOOL_DIR": str(self.directory / "node/spool"),
            "LB_RUNTIME_DIR": str(self.directory / "node/run"),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        })

    def make_server(self, name, port, options=""):
        """A bookkeeping server of this service, not started."""
        return self._daemon("lb-bkserver", name, f"""
service = "{self.service}"
host = "{self.host}"
address = "127.0.0.1"
port = {port}
{options}
{self.tls("localhost")}""")

    def make_node(self, name, host, logd_options="", interlogd_options=""):
        """A logger and a forwarder of a host, whose certificate is issued; not started."""
        logd = self._daemon("lb-logd", name, f"""
host = "{host}"
default_destination = "{self.service}"
{logd_options}""")
        interlogd = self._daemon("lb-interlogd", name, f"""
host = "{host}"
backoff_max_ms = 1000
{interlogd_options}
{self.tls(host)}""")
        return logd, interlogd

    def _daemon(self, program, name, config):
        path = self.directory / f"{name}-{program}.toml"
        path.write_text(config)
        return Daemon(program, path, self.directory / name, self.directory / name / "run")

    def add_daemon(self, name, config, directory):
        """One more, with its files in `directory`; it ends with the site."""
        path = directory / f"{name}.toml"
        path.write_text(config)
        daemon = Daemon(name, path, directory, directory / "run")
        self.daemons.append(daemon)
        return daemon

    def add_node(self, host, certified=None):
        """Another host with its logger and its forwarder, both started; the environment of its programs. `certified`:
        its name in its certificate."""
        certified = certified or host
        self.issue(host=certified)
        directory = self.directory / host
        directory.mkdir()
        self.add_daemon("lb-logd", f'host = "{host}"\ndefault_destination = "{self.service}"\n', directory).start()
        self.add_daemon("lb-interlogd", f'host = "{host}"\nbackoff_max_ms = 1000\n{self.tls(certified)}', directory).start()
        return dict(self.environment, LB_SOCKET=f"{directory}/run/logd.sock", LB_DROP_DIR=f"{directory}/drop",
                    LB_SPOOL_DIR=f"{directory}/spool", LB_RUNTIME_DIR=f"{directory}/run")

    def tls(self, name=None):
        name = name or self.host
        return (f'[tls]\ncertificate = "{self.pki}/{name}.pem"\nkey = "{self.pki}/{name}.key"\n'
                f'authorities = "{self.authorities}"\n')

    def _copy_authorities(self):
        self.authorities.mkdir(exist_ok=True)
        for name in ("ca.pem", "ca.crl"):
            if (self.pki / name).exists():
                shutil.copy(self.pki / name, self.authorities / name)

    def trust_again(self):
        """Authorities and revocation lists as they are now."""
        self._copy_authorities()
        for daemon in (self.server, self.interlogd):
            daemon.process.send_signal(signal.SIGHUP)

    def issue(self, host=None, user=None, also=(), days=None, authority=None, out=None):
        """A certificate; the path without its ending."""
        out = out or self.pki / (host or user)
        command = [BIN / "lbctl", "pki", "issue", authority or self.pki, "--out", out]
        command += ["--host", host] if host else ["--user", user]
        for name in also:
            command += ["--also", name]
        if days is not None:
            command += [f"--days={days}"]
        run(*command)
        return out

    def __enter__(self):
        try:
            for daemon in self.daemons:
                daemon.start(wait=False)
            for daemon in self.daemons:
                wait_until(lambda: daemon._is_ready(0), f"{daemon.name} ready", READY_SECONDS)
        except Exception:
            self._show_logs()
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self._show_logs()
        self.close()

    def _show_logs(self):
        for daemon in self.daemons:
            if daemon.log.exists():
                print(f"---- {daemon.name}\n{daemon.tail()}", flush=True)

    def close(self):
        for daemon in reversed(self.daemons):
            try:
                daemon.stop()
            except Failed as error:
                print(error, flush=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    # Programs.

    def run(self, program, *arguments, stdin=None, check=True, environment=None):
        env = dict(self.environment)
        env.update(environment or {})
        return run(BIN / program, *arguments, stdin=stdin, check=check, environment=env)

    def lbctl(self, *arguments, check=True, environment=None):
        """Rows of `lbctl --json ...`."""
        done = self.run("lbctl", "--json", *arguments, check=check, environment=environment)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def status(self, process):
        """The status, or an empty one as long as there is none."""
        rows = self.lbctl("status", process, check=False)
        return rows[0] if rows else {}

    def logevent(self, *arguments, check=True):
        return self.run("lb-logevent", *arguments, check=check)

    def hook(self, *arguments, stdin):
        """As libvirt calls it: it must say nothing and end well."""
        done = self.run("lb-hook-libvirt", *arguments, stdin=stdin)
        if done.stdout or done.stderr:
            raise Failed(f"the hook printed: {done.stdout}{done.stderr}")

    def wait_for(self, process, seconds=30.0, **attributes):
        """The status once it has these attributes."""
        last = {}

        def has_them():
            nonlocal last
            last = self.status(process)
            return last and all(last.get(name) == value for name, value in attributes.items())
        try:
            wait_until(has_them, f"{process} {attributes}", seconds)
        except Failed as error:
            self._show_logs()
            raise Failed(f"{error}; last: {json.dumps(last, indent=1)}") from None
        return last

    def wait_settled(self, seconds=60.0):
        """Until nothing waits in the spool."""
        wait_until(lambda: all(row.get("unsettled", 0) == 0 for row in self.lbctl("spool", "list")),
                   "an empty spool", seconds)

    def must_rebuild_equal(self):
        rows = self.lbctl("rebuild", "--compare-only", check=False)
        different = [row for row in rows if row["different"]]
        if different:
            raise Failed(f"a rebuild differs: {different[:3]}")
        return len(rows)


def run(*command, stdin=None, check=True, environment=None, seconds=120):
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True,
                          timeout=seconds, env=environment)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def cpu_seconds(pid):
    """What a process has used so far."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    """The most memory that a process had."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM"))) / 1024


class SiteTest(unittest.TestCase):
    """Tests that share one site. It ends with the class, also when setting up fails half-way."""

    @classmethod
    def setUpClass(cls):
        cls.site = cls.enterClassContext(Site())
