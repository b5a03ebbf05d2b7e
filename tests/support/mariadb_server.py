"""mariadbd servers for tests that share a database between bookkeeping servers."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess

from site_harness import Failed, run, wait_until


def find_mariadbd():
    """Its path; nothing when there is none."""
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")


class MariadbServer:
    """One mariadbd in `directory`, on a Unix socket only unless `options` say otherwise."""

    def __init__(self, directory, options=(), bootstrap=True):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(mode=0o755)
        self.data = self.directory / "data"
        self.tmp = self.directory / "tmp"  # each mariadbd removes the temporary tables that it finds
        self.tmp.mkdir(mode=0o700)
        self.socket = self.directory / "sock"
        self.log = self.directory / "err.log"
        self.options = list(options)
        self.process = None
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:  # the file transfer of Galera does not work as root
            self.user = "mysql" if self._has_user("mysql") else "nobody"
            self.directory.parent.chmod(0o755)
            for path in (self.directory, self.tmp):
                shutil.chown(path, self.user)
        if bootstrap:
            run("mariadb-install-db", "--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.tmp}",
                f"--user={self.user}", "--auth-root-authentication-method=normal", "--skip-test-db")
        else:
            self.data.mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(self.data, self.user)

    @staticmethod
    def _has_user(name):
        try:
            pwd.getpwnam(name)
        except KeyError:
            return False
        return True

    def start(self, *more, wait=True, seconds=60):
        network = [] if any(option.startswith("--port") for option in self.options) else ["--skip-networking"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [find_mariadbd(), "--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.tmp}",
                 f"--socket={self.socket}",
                 f"--pid-file={self.directory}/pid", f"--user={self.user}", "--skip-name-resolve",
                 "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M", *network, *self.options, *more],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        if wait:
            wait_until(self.answers, f"mariadbd in {self.directory}", seconds)
        return self

    def sql(self, text, check=True):
        return run("mariadb", "--no-defaults", "-uroot", f"--socket={self.socket}", "-N", "-e", text, check=check,
                   seconds=30).stdout.strip()

    def answers(self):
        if self.process.poll() is not None:
            raise Failed(f"mariadbd ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
        try:
            return self.sql("select 1", check=False) == "1"
        except subprocess.TimeoutExpired:
            return False

    def dsn(self, database):
        return f"mariadb://root@/{database}?socket={self.socket}"

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
