"""A thousand forwarders on one server, all with events at once: every event settled once, memory bounded, and
who asks meanwhile is answered."""

import json
import resource
import subprocess
import time
import unittest

from site_harness import BIN, HOST, SiteTest, resident_mib

FORWARDERS = 1000
EVENTS_EACH = 20
ANSWER_SECONDS_MAX = 30
SERVER_MIB_MAX = 512


class ManyForwarders(SiteTest):
    @classmethod
    def setUpClass(cls):
        """The daemons begin with the soft limit of descriptors that a shell may have; they raise it themselves."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
        super().setUpClass()
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def forwarders(self):
        pki = self.site.pki
        environment = dict(self.site.environment, LB_SERVER=self.site.service, LB_CA=f"{pki}/ca.pem",
                           LB_CERT=f"{pki}/{HOST}.pem", LB_KEY=f"{pki}/{HOST}.key")
        return subprocess.Popen([BIN / "lb-test-many-forwarders", str(FORWARDERS), str(EVENTS_EACH), HOST],
                                env=environment, stdout=subprocess.PIPE, text=True)

    def slowest_answer(self, process):
        """Seconds of the slowest status while the forwarders run."""
        slowest = 0.0
        while process.poll() is None:
            begin = time.monotonic()
            self.site.lbctl("jobs", "--limit", "1")
            slowest = max(slowest, time.monotonic() - begin)
            time.sleep(0.2)
        return slowest

    def test_all_at_once(self):
        process = self.forwarders()
        slowest = self.slowest_answer(process)
        result = json.loads(process.communicate()[0])
        print(result, f"slowest answer {slowest:.2f} s, server {resident_mib(self.site.server.process.pid):.0f} MiB",
              flush=True)
        self.assertEqual((result["settled"], result["refused"], result["broken"]),
                         (FORWARDERS * EVENTS_EACH, 0, 0), result)
        machines = self.site.lbctl("jobs", "--limit", "0", "--fields", "vm_state")
        self.assertEqual(len(machines), FORWARDERS)
        self.assertEqual({row["vm_state"] for row in machines}, {"running"})
        self.assertLess(slowest, ANSWER_SECONDS_MAX)
        self.assertLess(resident_mib(self.site.server.process.pid), SERVER_MIB_MAX)
        self.assertEqual(self.site.must_rebuild_equal(), FORWARDERS)


if __name__ == "__main__":
    unittest.main()
