"""Guests of an ordinary user under his own libvirtd: the agent at qemu:///session, the hook, and both."""

import os
import shutil
import signal

import libvirt_host
from site_harness import BIN, HOST, Site, SiteTest, wait_until

UID = libvirt_host.SessionHost.uid


class Session(SiteTest):
    @classmethod
    def setUpClass(cls):
        # What this user says of machines counts only where the host's administrator says so.
        cls.site = cls.enterClassContext(Site(logd_options=f'sources = ["uid:0: *", "uid:{UID}: VMManager"]\n'))
        (cls.site.directory / "node").chmod(0o755)  # here the logger's socket lies below its state
        cls.host = cls.enterClassContext(
            libvirt_host.SessionHost(cls.site.directory / "libvirt", "#!/bin/sh\nexit 0\n"))
        directory = cls.site.directory / "agent"
        directory.mkdir()
        os.chown(directory, UID, UID)
        # Where this user reaches them, wherever they were built.
        for program in ("lb-agent-libvirt", "lb-hook-libvirt"):
            shutil.copy(BIN / program, directory)
        cls.agent = cls.site.add_daemon("lb-agent-libvirt", f'''
uri = "qemu:///session"
host = "{HOST}"
backoff_max_ms = 500
socket = "{cls.site.environment['LB_SOCKET']}"
drop_dir = "{cls.site.environment['LB_DROP_DIR']}"
''', directory)
        cls.hook = directory / "lb-hook-libvirt"
        cls.agent.name = directory / "lb-agent-libvirt"
        cls.agent.prefix = cls.host.user
        cls.agent.environment = cls.host.environment
        cls.addClassCleanup(cls.agent.stop)

    def listen(self, hook, agent):
        """Who tells of the guests from here on."""
        environment = self.site.environment
        call = (f"LB_SOCKET={environment['LB_SOCKET']} LB_DROP_DIR={environment['LB_DROP_DIR']} "
                f"exec {self.hook} \"$@\"") if hook else "exit 0"
        self.host.set_hook(f"#!/bin/sh\n{call}\n")
        self.agent.stop()
        if agent:
            self.wait_connected(self.agent.start)

    def wait_connected(self, act):
        begin = self.agent.log.stat().st_size if self.agent.log.exists() else 0
        act()
        wait_until(lambda: b"LVA_CONNECTED" in self.agent.log.read_bytes()[begin:], "the agent connected")

    def start(self):
        name, uuid = self.host.define("idle")
        self.host.virsh("start", name)
        key = f"libvirt-uuid:/{uuid}"
        self.site.wait_for(key, vm_state="running", vm_phy_hostname=HOST)
        return name, key

    def must_have_run_once(self, key, **attributes):
        status = self.site.wait_for(key, **attributes)
        self.assertNotIn("vm_phy_hostname", status)
        self.assertEqual([(row["host"], "to" in row) for row in status["placements"]], [(HOST, True)])
        rows = self.site.lbctl("history", key)
        self.assertEqual({(row["source"], row["identity"]) for row in rows}, {("VMManager", f"uid:{UID}@{HOST}")})

    def test_the_hook_alone(self):
        self.listen(hook=True, agent=False)
        name, key = self.start()
        self.host.virsh("destroy", name)
        self.must_have_run_once(key, vm_state="stopped")

    def test_the_agent_alone(self):
        self.listen(hook=False, agent=True)
        name, key = self.start()
        self.host.virsh("suspend", name)
        self.site.wait_for(key, vm_state="stopped", vm_paused=True, vm_phy_hostname=HOST)
        self.host.virsh("resume", name)
        self.site.wait_for(key, vm_state="running")
        self.host.virsh("destroy", name)
        self.must_have_run_once(key, vm_state="stopped", vm_stop_reason="destroyed")

    def test_both(self):
        self.listen(hook=True, agent=True)
        name, key = self.start()
        os.kill(self.host.qemu_pid(name), signal.SIGKILL)
        self.must_have_run_once(key, vm_state="failure", vm_stop_reason="failed")

    def test_the_users_libvirtd_restarts(self):
        self.listen(hook=False, agent=True)
        name, key = self.start()
        before = self.site.status(key)
        self.host.stop()
        self.wait_connected(self.host.start)
        wait_until(lambda: any(row.get("resync") for row in self.site.lbctl("history", key)), "a look")
        after = self.site.status(key)
        for attribute in ("vm_state", "stateEnterTime", "placements"):
            self.assertEqual(after[attribute], before[attribute])
        self.host.virsh("destroy", name)
        self.must_have_run_once(key, vm_state="stopped", vm_stop_reason="destroyed")


if __name__ == "__main__":
    libvirt_host.run_tests(agent=True)
