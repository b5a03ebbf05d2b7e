"""lbctl doctor on a host and on a server: all well, and each thing that may be wrong, with what to do."""

import json
import os
import unittest

from site_harness import BIN, SiteTest, wait_until

OUR_HOOK = f'exec {BIN}/lb-hook-libvirt "$@"'


class Doctor(SiteTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.libvirt = cls.site.directory / "libvirt"
        (cls.libvirt / "hooks").mkdir(parents=True)
        cls.set_hook(OUR_HOOK)

    @classmethod
    def set_hook(cls, script, mode=0o755):
        hook = cls.libvirt / "hooks/qemu"
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(mode)

    def ask(self, part):
        """Exit status, findings by check."""
        done = self.site.run("lbctl", "--json", "doctor", part, "--server-runtime-dir",
                             self.site.directory / "server/run", "--libvirt-dir", self.libvirt, "--agents-dir",
                             self.site.directory, check=False)
        return done.returncode, {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}

    def examine(self, part, status):
        """Findings by check; the exit status must be this one, and each trouble has its remedy."""
        found, rows = self.ask(part)
        self.assertEqual(found, status, rows)
        for row in rows.values():
            if row["result"] in ("warning", "problem"):
                self.assertTrue(row.get("do"), row)
        return rows

    def test_1_all_is_well(self):
        self.site.logevent("-e", "VMRunning", "-s", "VMManager", "-k", "libvirt-uuid:/11111111-2222-3333-4444-555555555555")
        self.site.wait_settled()
        rows = self.examine("host", 0)
        service = self.site.service
        for check in ("lb-logd", "lb-interlogd", "certificate of lb-interlogd", f"forwarding to {service}",
                      f"clock beside {service}", "spool", "quarantine", "drop directory",
                      f"libvirt hook {self.libvirt}/hooks/qemu", "events of the last hour"):
            self.assertEqual(rows[check]["result"], "ok", rows[check])
        self.assertIn("valid for", rows["certificate of lb-interlogd"]["found"])
        self.assertEqual(rows["events of the last hour"]["found"], "1")
        rows = self.examine("server", 0)
        for check in ("lb-bkserver", "database", "certificate of lb-bkserver", f"clock beside {self.site.host}",
                      f"backlog of {self.site.host}"):
            self.assertEqual(rows[check]["result"], "ok", rows[check])

    def test_2_people_read_it_too(self):
        done = self.site.run("lbctl", "doctor", "host", "--libvirt-dir", self.libvirt, "--agents-dir",
                             self.site.directory)
        self.assertIn("ok       lb-logd: up", done.stdout)

    def test_3_a_hook_that_harms(self):
        check = f"libvirt hook {self.libvirt}/hooks/qemu"
        self.addCleanup(self.set_hook, OUR_HOOK)
        self.set_hook("echo noise instead of lb-hook-libvirt")
        self.assertEqual(self.examine("host", 1)[check]["result"], "problem")
        self.set_hook("exit 3 # lb-hook-libvirt")
        self.assertEqual(self.examine("host", 1)[check]["result"], "problem")
        self.set_hook("exit 0")  # somebody else's
        self.assertEqual(self.examine("host", 1)["libvirt hook"]["result"], "problem")
        (self.libvirt / "hooks/qemu").unlink()
        self.assertEqual(self.examine("host", 1)["libvirt hook"]["result"], "problem")

    def test_4_the_forwarder_is_down_and_the_server_is_away(self):
        self.site.interlogd.stop()
        self.assertEqual(self.examine("host", 1)["lb-interlogd"]["result"], "problem")
        self.site.interlogd.start()
        self.site.server.stop()
        self.assertEqual(self.examine("server", 1)["lb-bkserver"]["result"], "problem")
        self.site.logevent("-e", "VMStop", "-s", "VMManager", "-k", "libvirt-uuid:/11111111-2222-3333-4444-555555555555")
        check = f"forwarding to {self.site.service}"

        def is_known():
            status, rows = self.ask("host")
            return status == 1 and rows[check]["result"] == "problem"
        wait_until(is_known, "the destination is away")
        self.site.server.start()
        self.site.run("lbctl", "spool", "retry")
        self.site.wait_settled()
        self.examine("host", 0)

    def test_5_a_certificate_ends_soon(self):
        self.site.issue(host=self.site.host, also=("localhost",), days=3)
        os.kill(self.site.interlogd.process.pid, 1)
        wait_until(lambda: self.ask("host")[1]["certificate of lb-interlogd"]["result"] == "warning",
                   "the new certificate")

    def test_6_nothing_is_here(self):
        done = self.site.run("lbctl", "doctor", "--runtime-dir", "/nonexistent", "--server-runtime-dir", "/nonexistent",
                             "--config-dir", "/nonexistent", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("neither a logger nor a bookkeeping server", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
