"""Real guests under a real libvirtd, seen through the hook alone: right states, host, why."""

import os
import signal

import libvirt_host
from site_harness import BIN, HOST, SiteTest


class Lives(SiteTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        hook = (f"#!/bin/sh\nexport LB_SOCKET={cls.site.environment['LB_SOCKET']} "
                f"LB_DROP_DIR={cls.site.environment['LB_DROP_DIR']}\nexec {BIN}/lb-hook-libvirt \"$@\"\n")
        cls.host = cls.enterClassContext(libvirt_host.LibvirtHost(cls.site.directory / "libvirt", hook))

    def started(self, guest):
        name, uuid = self.host.define(guest)
        self.host.virsh("start", name)
        key = f"libvirt-uuid:/{uuid}"
        self.site.wait_for(key, vm_state="running", state="Running", vm_phy_hostname=HOST)
        return name, key

    def must_be_stopped(self, key):
        status = self.site.wait_for(key, vm_state="stopped")
        self.assertNotIn("vm_phy_hostname", status)
        placement = status["placements"][-1]
        self.assertEqual(placement["host"], HOST)
        self.assertIn("to", placement)
        why = self.site.lbctl("why", key)[0]
        self.assertEqual(why["decided_by"]["type"], "VMStop")
        self.assertEqual(why["decided_by"]["source"], "VMManager")
        self.assertEqual(why["decided_by"]["host"], HOST)

    def test_started_and_destroyed(self):
        name, key = self.started("idle")
        self.host.virsh("destroy", name)
        self.must_be_stopped(key)
        self.host.virsh("start", name)
        self.site.wait_for(key, vm_state="running")
        self.host.virsh("destroy", name)
        self.must_be_stopped(key)
        self.assertEqual([row["type"] for row in self.site.lbctl("history", key)],
                         ["VMBoot", "VMRunning", "VMStop"] * 2)

    def test_the_guest_powers_itself_off(self):
        _, key = self.started("poweroff")
        self.must_be_stopped(key)

    def test_the_guest_panics(self):
        _, key = self.started("panic")
        self.must_be_stopped(key)

    def test_qemu_is_killed(self):
        name, key = self.started("idle")
        os.kill(self.host.qemu_pid(name), signal.SIGKILL)
        self.must_be_stopped(key)

    def test_what_runs_at_install_time_is_adopted(self):
        name, uuid = self.host.define("idle")
        hook = self.host.directory / "etc/hooks/qemu"
        script = hook.read_text()
        hook.write_text("#!/bin/sh\nexit 0\n")
        self.host.virsh("start", name)
        hook.write_text(script)
        key = f"libvirt-uuid:/{uuid}"
        self.assertEqual(self.site.status(key), {})
        adopted = self.site.lbctl("adopt", "--connect", self.host.uri)
        self.assertIn(key, [row["key"] for row in adopted])
        self.site.wait_for(key, vm_state="running", vm_phy_hostname=HOST, adopted=True)
        self.host.virsh("destroy", name)
        self.must_be_stopped(key)

    def test_libvirtd_comes_back(self):
        name, uuid = self.host.define("idle")
        hook = self.host.directory / "etc/hooks/qemu"
        script = hook.read_text()
        hook.write_text("#!/bin/sh\nexit 0\n")
        self.host.virsh("start", name)
        hook.write_text(script)
        self.host.stop()
        self.host.start()
        key = f"libvirt-uuid:/{uuid}"
        self.site.wait_for(key, vm_state="running", vm_phy_hostname=HOST)
        self.host.virsh("destroy", name)
        self.must_be_stopped(key)


if __name__ == "__main__":
    libvirt_host.run_tests()
