"""Real guests under two real libvirtds: what happens to them, told by the hook alone, by the agent alone
and by both, ends in the same states and host intervals as far as each of them can know.

    libvirt_agent_test.py [HookAlone|AgentAlone|Both|Installed]..."""

import os
import signal
import unittest
import unittest.mock

import libvirt_host
from site_harness import BIN, HOST, SOURCE, Site, free_port, run, wait_until

SECOND = "lb-second-host"
SITE = None
FIRST = None
TARGET = None


class Hypervisor:
    """A host with libvirt: its logger, its hook and its agent."""

    def __init__(self, site, name, environment, node_directory):
        self.site = site
        self.name = name
        self.environment = environment
        self.libvirt = libvirt_host.LibvirtHost(site.directory / f"libvirt-{name}", "#!/bin/sh\nexit 0\n",
                                                hostname=name).__enter__()
        self.agent = self.make_agent(f'''
uri = "{self.libvirt.uri}"
host = "{name}"
backoff_max_ms = 500
''', node_directory)

    def make_agent(self, config, directory):
        to_logger = f'''
socket = "{self.environment['LB_SOCKET']}"
drop_dir = "{self.environment['LB_DROP_DIR']}"
'''
        return self.site.add_daemon("lb-agent-libvirt", config + to_logger, directory)

    def close(self):
        self.agent.stop()
        self.libvirt.__exit__(None, None, None)

    def set_hook(self, is_logging, vetoes=False):
        export = f"export LB_SOCKET={self.environment['LB_SOCKET']} LB_DROP_DIR={self.environment['LB_DROP_DIR']}"
        call = f"{BIN}/lb-hook-libvirt \"$@\"" if is_logging else ":"
        veto = '[ "$2" = start ] && exit 3' if vetoes else ":"
        self.libvirt.set_hook(f"#!/bin/sh\n{export}\n{call}\n{veto}\nexit 0\n")

    def set_agent(self, is_running):
        self.agent.stop()
        if not is_running:
            return
        begin = self.agent.log.stat().st_size if self.agent.log.exists() else 0
        self.agent.start()
        self.wait_connected(begin)

    def wait_connected(self, begin):
        wait_until(lambda: b"LVA_CONNECTED" in self.agent.log.read_bytes()[begin:], "the agent connected")


def setUpModule():
    global SITE, FIRST, TARGET
    SITE = Site().__enter__()
    FIRST = Hypervisor(SITE, HOST, SITE.environment, SITE.directory / "node")
    second = SITE.add_node(SECOND)
    TARGET = Hypervisor(SITE, SECOND, second, SITE.directory / SECOND)


def tearDownModule():
    for hypervisor in (FIRST, TARGET):
        if hypervisor:
            hypervisor.close()
    SITE.close()


class Scenarios:
    """Each test is one row of what libvirt was seen to do; a subclass says who listens."""

    has_hook = False
    has_agent = False

    @classmethod
    def setUpClass(cls):
        for hypervisor in (FIRST, TARGET):
            hypervisor.set_hook(cls.has_hook)
            hypervisor.set_agent(cls.has_agent)

    # What is seen of a guest.

    def define(self, guest):
        name, uuid = FIRST.libvirt.define(guest)
        return name, f"libvirt-uuid:/{uuid}"

    def start(self, guest="idle"):
        name, key = self.define(guest)
        FIRST.libvirt.virsh("start", name)
        SITE.wait_for(key, vm_state="running", state="Running", vm_phy_hostname=HOST)
        return name, key

    def must_have_run_at(self, status, *hosts):
        """These intervals and no others; all but a last one that still runs have ended."""
        placements = status["placements"]
        self.assertEqual([row["host"] for row in placements], list(hosts))
        is_carried = "vm_phy_hostname" in status
        for number, row in enumerate(placements):
            self.assertEqual("to" in row, number + 1 < len(placements) or not is_carried, placements)

    def must_end(self, key, reason, is_failure=False, hosts=(HOST,)):
        """Only the agent knows why; the hook knows that it stopped."""
        if self.has_agent:
            status = SITE.wait_for(key, vm_state="failure" if is_failure else "stopped", vm_stop_reason=reason)
        else:
            status = SITE.wait_for(key, vm_state="stopped")
        self.assertNotIn("vm_phy_hostname", status)
        self.must_have_run_at(status, *hosts)

    def types(self, key):
        return [row["type"] for row in SITE.lbctl("history", key)]

    def wait_for_reboot(self, key):
        """The hook hears of none."""
        if self.has_agent:
            wait_until(lambda: "VMReboot" in self.types(key), "a reboot")

    def must_have_rebooted_once(self, key):
        """However often libvirt told of it."""
        self.assertEqual(self.types(key).count("VMReboot"), 1 if self.has_agent else 0)

    # The scenarios.

    def test_destroyed_and_started_again(self):
        name, key = self.start()
        FIRST.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed")
        FIRST.libvirt.virsh("start", name)
        SITE.wait_for(key, vm_state="running")
        FIRST.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed", hosts=(HOST, HOST))

    def test_suspended_and_resumed(self):
        name, key = self.start()
        FIRST.libvirt.virsh("suspend", name)
        if self.has_agent:
            SITE.wait_for(key, vm_state="stopped", vm_paused=True, vm_phy_hostname=HOST)
        FIRST.libvirt.virsh("resume", name)
        status = SITE.wait_for(key, vm_state="running", vm_phy_hostname=HOST)
        self.must_have_run_at(status, HOST)
        FIRST.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed")

    def test_reset(self):
        name, key = self.start()
        FIRST.libvirt.virsh("reset", name)
        self.wait_for_reboot(key)
        FIRST.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed")
        self.must_have_rebooted_once(key)

    def test_the_guest_reboots_itself(self):
        name, key = self.start("reboot")
        wait_until(lambda: FIRST.libvirt.said(name).read_bytes() == b"R", "the guest is up again")
        self.wait_for_reboot(key)
        SITE.wait_settled()
        self.must_have_run_at(SITE.wait_for(key, vm_state="running", vm_phy_hostname=HOST), HOST)
        why = SITE.lbctl("why", key)[0]
        self.assertEqual((why["value"], why["decided_by"]["type"]), ("running", "VMRunning"))
        last_word = "VMReboot" if self.has_agent else "VMRunning"
        self.assertEqual([(row["host"], row["event"]) for row in why["evidence"]], [(HOST, last_word)])
        FIRST.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed")
        self.must_have_rebooted_once(key)

    def test_saved_and_restored(self):
        name, key = self.start()
        FIRST.libvirt.virsh("managedsave", name)
        self.must_end(key, "saved")
        FIRST.libvirt.virsh("start", name)
        SITE.wait_for(key, vm_state="running", vm_phy_hostname=HOST)
        FIRST.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed", hosts=(HOST, HOST))

    def test_the_guest_powers_itself_off(self):
        _, key = self.start("poweroff")
        self.must_end(key, "shutdown")
        if self.has_agent:
            types = self.types(key)
            self.assertLess(types.index("VMShutdown"), types.index("VMStop"))

    def test_the_guest_panics(self):
        _, key = self.start("panic")
        self.must_end(key, "crashed", is_failure=True)

    def test_qemu_is_killed(self):
        name, key = self.start()
        os.kill(FIRST.libvirt.qemu_pid(name), signal.SIGKILL)
        self.must_end(key, "failed", is_failure=True)

    def test_a_start_that_fails(self):
        name, key = self.define("idle")
        (FIRST.libvirt.directory / f"guests/{name}.img").unlink()
        self.assertNotEqual(FIRST.libvirt.virsh("start", name, check=False).returncode, 0)
        if self.has_hook:
            SITE.wait_for(key, vm_state="failure")
        else:
            self.assertEqual(SITE.status(key), {})

    def test_a_start_that_another_hook_vetoes(self):
        name, key = self.define("idle")
        FIRST.set_hook(self.has_hook, vetoes=True)
        self.addCleanup(FIRST.set_hook, self.has_hook)
        self.assertNotEqual(FIRST.libvirt.virsh("start", name, check=False).returncode, 0)
        if self.has_hook:
            SITE.wait_for(key, vm_state="failure")
        else:
            self.assertEqual(SITE.status(key), {})

    def test_libvirtd_restarts(self):
        name, key = self.start()
        gone, gone_key = self.start()
        stopped, stopped_key = self.start()
        FIRST.libvirt.virsh("destroy", stopped)
        self.must_end(stopped_key, "destroyed")
        before = SITE.status(key)
        begin = FIRST.agent.log.stat().st_size if self.has_agent else 0
        FIRST.libvirt.stop()
        os.kill(FIRST.libvirt.qemu_pid(gone), signal.SIGKILL)
        FIRST.libvirt.start()
        if self.has_agent:
            FIRST.wait_connected(begin)
        self.assertEqual(SITE.wait_for(gone_key, vm_state="failure" if self.has_agent and self.knows_why_it_died(
            gone_key) else "stopped").get("vm_phy_hostname"), None)
        # What runs on is confirmed: no new life, no new interval.
        wait_until(lambda: any(row.get("resync") for row in SITE.lbctl("history", key)), "a look")
        after = SITE.status(key)
        self.assertEqual(after["vm_state"], "running")
        for name_of in ("stateEnterTime", "placements"):
            self.assertEqual(after[name_of], before[name_of])
        FIRST.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed")
        self.assertEqual(SITE.status(stopped_key)["vm_state"], "stopped")

    def knows_why_it_died(self, key):
        """What libvirtd says of a guest that died while it was away differs by version."""
        wait_until(lambda: "VMStop" in self.types(key), "its stop")
        return SITE.status(key).get("vm_stop_reason") in ("crashed", "failed")

    def migrate(self, name, *more, check=True):
        return run("virsh", "-c", FIRST.libvirt.uri, "migrate", "--live", "--unsafe", "--persistent", *more, name,
                   TARGET.libvirt.uri, "--migrateuri", f"tcp://127.0.0.1:{free_port()}", check=check)

    def test_migrated_live(self):
        name, key = self.start()
        self.migrate(name)
        SITE.wait_for(key, vm_state="running", vm_phy_hostname=SECOND)
        wait_until(lambda: any(row["type"] == "VMStop" for row in SITE.lbctl("history", key)), "the source's stop")
        status = SITE.wait_for(key, vm_state="running", vm_phy_hostname=SECOND)
        self.must_have_run_at(status, HOST, SECOND)
        TARGET.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed", hosts=(HOST, SECOND))

    def test_a_migration_that_is_cancelled(self):
        name, key = self.start("busy")
        migration = libvirt_host.Background("virsh", "-c", FIRST.libvirt.uri, "migrate", "--live", "--unsafe",
                                            "--persistent", "--bandwidth", "1", name, TARGET.libvirt.uri,
                                            "--migrateuri", f"tcp://127.0.0.1:{free_port()}")
        wait_until(lambda: "Memory remaining" in FIRST.libvirt.virsh("domjobinfo", name, check=False).stdout,
                   "the copy under way")
        FIRST.libvirt.virsh("domjobabort", name)
        self.assertNotEqual(migration.wait(), 0)
        wait_until(lambda: TARGET.libvirt.virsh("domstate", name, check=False).stdout.strip() != "paused",
                   "the target given up")
        SITE.wait_settled()
        status = SITE.wait_for(key, vm_state="running", vm_phy_hostname=HOST)
        self.must_have_run_at(status, HOST)
        FIRST.libvirt.virsh("destroy", name)
        self.must_end(key, "destroyed")


class HookAlone(Scenarios, unittest.TestCase):
    has_hook = True


class AgentAlone(Scenarios, unittest.TestCase):
    has_agent = True

    def test_a_domain_without_a_definition_is_done_with_its_stop(self):
        name, key = self.define("idle")
        FIRST.libvirt.virsh("undefine", name)
        FIRST.libvirt.virsh("create", FIRST.libvirt.directory / f"guests/{name}.xml")
        SITE.wait_for(key, vm_state="running", vm_phy_hostname=HOST)
        FIRST.libvirt.virsh("destroy", name)
        SITE.wait_for(key, vm_state="done", state="Done")

    def test_the_host_is_alive(self):
        SITE.wait_for(f"host:/{HOST}", jobtype="physical_machine", vm_state="really-running")


class Both(Scenarios, unittest.TestCase):
    has_hook = True
    has_agent = True


class Installed(unittest.TestCase):
    """The agent with the configuration that it is installed with: nobody said where libvirt is."""

    def test_it_finds_the_libvirtd_of_the_system(self):
        FIRST.set_hook(False)
        FIRST.set_agent(False)
        directory = SITE.directory / "installed"
        directory.mkdir()
        agent = FIRST.make_agent((SOURCE / "packaging/config/agent-libvirt.toml").read_text(), directory)
        # For this process alone our libvirtd's socket lies where that of the system's libvirtd would.
        agent.prefix = ["unshare", "-m", "sh", "-c",
                        f'mount --bind {FIRST.libvirt.directory}/sock /run/libvirt && exec "$@"', "sh"]
        self.enterContext(unittest.mock.patch.object(FIRST, "agent", agent))
        FIRST.set_agent(True)
        self.addCleanup(FIRST.set_agent, False)
        name, uuid = FIRST.libvirt.define("idle")
        key = f"libvirt-uuid:/{uuid}"
        FIRST.libvirt.virsh("start", name)
        SITE.wait_for(key, vm_state="running", vm_phy_hostname=HOST)
        FIRST.libvirt.virsh("destroy", name)
        SITE.wait_for(key, vm_state="stopped", vm_stop_reason="destroyed")


if __name__ == "__main__":
    libvirt_host.run_tests(agent=True)
