"""A root file system to install into: this machine's own under an overlay, so that everything that is
written can be listed. Services start in it as their units say, with
systemd's side of the protocol played here, for no systemd runs in a container."""

import configparser
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile

from site_harness import Failed, wait_until

READY_SECONDS = 120


def enter_private_mounts():
    """Starts this script once more where its mounts are nobody else's. Ends with 77 where that is not allowed."""
    if os.geteuid() != 0:
        print("skipped: installing into a root needs root")
        sys.exit(77)
    if os.environ.get("LB_PRIVATE_MOUNTS") != "1":
        unshare = ["unshare", "--mount", "--propagation", "private"]
        if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
            print("skipped: this container may not make a mount namespace")
            sys.exit(77)
        os.environ["LB_PRIVATE_MOUNTS"] = "1"
        os.execvp("unshare", [*unshare, sys.executable, *sys.argv])


class Root:
    """with Root() as root: ..."""

    def __init__(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="lb-root-"))
        self.path = self.base / "root"
        self.written = self.base / "over/written"
        self.services = []

    def __enter__(self):
        try:
            self.path.mkdir()
            (self.base / "over").mkdir()
            mount("-t", "tmpfs", "tmpfs", self.base / "over")
            (self.base / "over/work").mkdir()
            self.written.mkdir()
            mount("-t", "overlay", "overlay", "-o",
                  f"lowerdir=/,upperdir={self.written},workdir={self.base}/over/work", self.path)
            self._mount_kernel()
        except Exception:
            self.close()
            raise
        return self

    def _mount_kernel(self):
        mount("-t", "proc", "proc", self.path / "proc")
        mount("--rbind", "/dev", self.path / "dev")
        mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", self.path / "run")

    def __exit__(self, *_):
        self.close()

    def close(self):
        for service in self.services:
            service.kill()
        for path in (self.path / "run", self.path / "dev", self.path / "proc", self.path, self.base / "over"):
            subprocess.run(["umount", "--recursive", path], capture_output=True)
        shutil.rmtree(self.base, ignore_errors=True)

    def run(self, *command, stdin=None, check=True, seconds=300):
        """A command inside; what it said."""
        done = subprocess.run(["chroot", self.path, *map(str, command)], input=stdin, capture_output=True, text=True,
                              timeout=seconds, env=environment())
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def file(self, path):
        return self.path / str(path).lstrip("/")

    def mode(self, path):
        return stat.S_IMODE(self.file(path).stat().st_mode)

    def leftovers(self):
        """Paths below / that exist now and did not before, or hold something else than before."""
        for path in sorted(self.written.rglob("*")):
            inside = "/" + str(path.relative_to(self.written))
            below = pathlib.Path(inside)
            mode = path.lstat().st_mode
            if stat.S_ISCHR(mode) or (stat.S_ISDIR(mode) and below.is_dir()):
                continue  # removed, or a directory that was there
            if stat.S_ISREG(mode) and below.is_file() and below.read_bytes() == path.read_bytes():
                continue
            yield inside

    def service(self, name):
        service = Service(self, name)
        self.services.append(service)
        return service


class Service:
    """One service as its unit in /lib/systemd/system says."""

    def __init__(self, root, name):
        self.root = root
        self.name = name
        self.process = None
        self.unit = read_unit(root.file(f"/lib/systemd/system/{name}.service"))["Service"]

    def start(self, listener=None):
        user = self.unit["User"]
        for key, parent in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")):
            if key in self.unit:
                self.root.run("install", "-d", "-o", user, "-g", self.unit["Group"], "-m", self.unit[key + "Mode"],
                              f"{parent}/{self.unit[key]}")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(self.root.file(f"/run/{self.name}.notify")))
        self.root.file(f"/run/{self.name}.notify").chmod(0o666)
        notify.settimeout(0.2)
        self.log = self.root.base / f"{self.name}.log"
        variables = dict(environment(), NOTIFY_SOCKET=f"/run/{self.name}.notify")
        capabilities = self.unit.get("AmbientCapabilities", "").lower().replace("cap_", "+")
        as_user = ["setpriv", f"--reuid={user}", f"--regid={self.unit['Group']}", "--init-groups"]
        if capabilities:
            as_user += [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"]
        self.root.run(*as_user, *self.unit["ExecStartPre"].split())
        passed = f"exec 3<&{listener.fileno()}; export LISTEN_PID=$$ LISTEN_FDS=1; " if listener else ""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", passed + 'exec "$@"', "bash", "chroot", self.root.path, *as_user,
                 *self.unit["ExecStart"].split()], env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(listener.fileno(),) if listener else (), start_new_session=True)
        wait_until(lambda: self._told_ready(notify), f"{self.name} ready", READY_SECONDS)
        notify.close()

    def _told_ready(self, notify):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}")
        try:
            return "READY=1" in notify.recv(4096).decode().splitlines()
        except TimeoutError:
            return False

    def stop(self):
        self.process.terminate()
        status = self.process.wait(60)
        if status != 0:
            raise Failed(f"{self.name} ended with {status}:\n{self.log.read_text()[-3000:]}")

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def listen_as(root, name):
    """The socket that a socket unit says."""
    unit = read_unit(root.file(f"/lib/systemd/system/{name}.socket"))["Socket"]
    path = root.file(unit["ListenStream"])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(int(unit["Backlog"]))
    root.run("chown", f"{unit['SocketUser']}:{unit['SocketGroup']}", unit["ListenStream"])
    path.chmod(int(unit["SocketMode"], 8))
    return listener


def read_unit(path):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(path)
    return unit


def environment():
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)
