"""A million events on a host while the server is away: nobody on the way holds them in memory, and all of them are
delivered once when it is back."""

import sys
import unittest

from site_harness import BIN, SiteTest, resident_mib, run

EVENTS = 1_000_000
PRODUCERS = 4
PROCESSES = 2000
WINDOW = 64
LOGGER_MIB_MAX = 32
FORWARDER_MIB_MAX = 64
SETTLED_SECONDS = 3600


class Backlog(SiteTest):
    def check_memory(self, when):
        for daemon, mib_max in ((self.site.logd, LOGGER_MIB_MAX), (self.site.interlogd, FORWARDER_MIB_MAX)):
            mib = resident_mib(daemon.process.pid)
            print(f"{daemon.name} {when}: {mib:.1f} MiB at most", file=sys.stderr, flush=True)
            self.assertLessEqual(mib, mib_max, f"{daemon.name} {when}")

    def test_a_million_events_wait_for_the_server(self):
        self.site.wait_settled()
        self.site.server.stop()
        run(BIN / "bench_producers", PRODUCERS, EVENTS // PRODUCERS, PROCESSES, WINDOW,
            environment=self.site.environment, seconds=1200)
        waiting = sum(row.get("unsettled", 0) for row in self.site.lbctl("spool", "list"))
        self.assertEqual(waiting, EVENTS)
        self.check_memory("with all of them behind")
        # What comes up beside such a spool has to find its way in it.
        self.site.interlogd.restart()
        self.site.logd.restart()
        self.check_memory("started again")
        self.site.server.start()
        self.site.run("lbctl", "spool", "retry")
        self.site.wait_settled(SETTLED_SECONDS)
        self.check_memory("when all are delivered")
        for number in range(0, PROCESSES, PROCESSES // 20):
            key = f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-{number:012}"
            self.assertEqual(self.site.lbctl("count", "--events", f'process="{key}"'), [{"count": EVENTS // PROCESSES}])
        self.assertEqual(self.site.lbctl("dead", "list"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
