"""Ten thousand destinations in one spool, of which one answers: memory stays bounded, the one gets its events, and
those that are away keep theirs."""

import os
import pathlib
import shutil
import socket
import sys
import tempfile
import unittest

from site_harness import BIN, HOST, Site, cpu_seconds, free_port, resident_mib, run

DESTINATIONS = 10_000
SILENT = 500  # of them: their servers take connections and say nothing
LOGGER_MIB_MAX = 32
FORWARDER_MIB_MAX = 64
# Who is silent holds his turn for 10 s, and there are 128 turns at once.
ARRIVED_SECONDS_MAX = 200
MACHINE = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-00000000d05{}"


def host_of(number):
    """An address of this machine for each; nobody listens there but the silent server."""
    return f"127.1.{number // 250}.{1 + number % 250}"


class ManyDestinations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.silent = cls.enterClassContext(socket.create_server(("0.0.0.0", 0), backlog=SILENT))
        cls.nobody = free_port()
        # On a disk that each new directory is synced to, filling takes minutes.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        cls.spool = pathlib.Path(tempfile.mkdtemp(prefix="lb-spool-", dir=memory))
        cls.addClassCleanup(shutil.rmtree, cls.spool, ignore_errors=True)
        where = f'spool_dir = "{cls.spool}"\n'
        cls.site = cls.enterClassContext(Site(
            logd_options=where + "[spool]\nfree_bytes_min = 0", interlogd_options=where))
        cls.site.environment["LB_SPOOL_DIR"] = str(cls.spool)

    def fill(self):
        """One event for each destination."""
        ports = [self.silent.getsockname()[1] if number < SILENT else self.nobody for number in range(DESTINATIONS)]
        lines = [f"{host_of(number)}:{port}\n" for number, port in enumerate(ports)]
        run(BIN / "lb-test-spool-records", self.spool, stdin="".join(lines), seconds=300)

    def must_arrive(self, number):
        """An event for the server that answers, logged now, gets there."""
        machine = MACHINE.format(number)
        self.site.logevent("-s", "VMManager", "-k", machine, "-e", "VMRunning", "--hostname", HOST, "--timeout", "10000")
        self.site.wait_for(machine, ARRIVED_SECONDS_MAX, vm_state="running")

    def must_be_small(self):
        for daemon, mib_max in ((self.site.logd, LOGGER_MIB_MAX), (self.site.interlogd, FORWARDER_MIB_MAX)):
            mib = resident_mib(daemon.process.pid)
            print(f"{daemon.name}: {mib:.1f} MiB at most, {cpu_seconds(daemon.process.pid):.1f} s of CPU",
                  file=sys.stderr, flush=True)
            self.assertLessEqual(mib, mib_max, daemon.name)

    def test_ten_thousand(self):
        self.fill()
        for daemon in (self.site.interlogd, self.site.logd):
            daemon.restart()
        for number in range(3):
            self.must_arrive(number)
        self.must_be_small()
        rows = self.site.lbctl("spool", "list")
        self.assertEqual(sum(row.get("unsettled", 0) for row in rows), DESTINATIONS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
