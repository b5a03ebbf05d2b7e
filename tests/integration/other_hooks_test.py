"""Hooks of Proxmox VE, Xen (by libvirt's libxl, by XAPI) and physical machines: called as these stacks call
them, through the real daemons. They say nothing and end well whatever happens."""

import datetime
import socket
import subprocess
import time
import unittest

from site_harness import BIN, SOURCE, Site, wait_until
from stopping_unit import stop_unit

HOOKS = SOURCE / "logd/hooks"
UUID = "6b1a2a9e-0000-4000-8000-00000000a0"  # and two digits
OTHER = "xen2.example.org"
# What XAPI calls, the state after it and what it logs. Only of a machine that it resumes does it say that it runs.
RESUMED = (("vm-pre-resume", "none", "pending", "VMResume"), ("vm-post-resume", "none", "running", "VMRunning"))
FULL_NAME = subprocess.run(["hostname", "-f"], capture_output=True, text=True).stdout.strip() or socket.gethostname()


def seconds_from_now(seconds):
    return datetime.datetime.fromtimestamp(time.time() + seconds, datetime.timezone.utc).isoformat()


def complaints(done):
    """But that an event went by way of the drop directory, as it may when the disk is busy."""
    return [line for line in done.stderr.splitlines() if "did not answer in time" not in line]


class OtherHooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The scripts speak for the host by its full name.
        cls.site = Site(host=FULL_NAME).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__(None, None, None)

    def call(self, program, *arguments, is_silent=True, **environment):
        done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=30,
                              env=dict(self.site.environment, **environment))
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertTrue(not complaints(done) if is_silent else done.stderr, done.stderr)

    def proxmox(self, vmid, phase):
        self.call(HOOKS / "proxmox/lb-hook-proxmox", vmid, phase, LB_PROXMOX_SCOPE="pve1",
                  LB_PROXMOX_DIR=str(self.site.directory))

    def test_proxmox_by_number(self):
        key = "proxmox-vmid:pve1/100"
        for phase, state in (("pre-start", "boot"), ("post-start", "running"), ("pre-stop", "running"),
                             ("post-stop", "stopped")):
            self.proxmox(100, phase)
            self.site.wait_settled()
            self.site.wait_for(key, vm_state=state)

    def test_proxmox_by_the_uuid_of_the_firmware(self):
        (self.site.directory / "101.conf").write_text(
            f"boot: order=scsi0\nname: web\nsmbios1: uuid={UUID}01\n[snap]\nsmbios1: uuid={UUID}99\n")
        for phase in ("pre-start", "post-start"):
            self.proxmox(101, phase)
        status = self.site.wait_for(f"libvirt-uuid:/{UUID}01", vm_state="running", vm_phy_hostname=FULL_NAME)
        self.assertEqual(self.site.wait_for("proxmox-vmid:pve1/101", vm_state="running")["jobId"], status["jobId"])

    def test_libxl_calls_the_hook_of_libvirt(self):
        domain = f"<domain type='xen'><name>dom1</name><uuid>{UUID}02</uuid></domain>"
        for operation, phase, state in (("prepare", "begin", "boot"), ("started", "begin", "running"),
                                        ("stopped", "end", "stopped")):
            self.site.run("lb-hook-libvirt", "dom1", operation, phase, "-", stdin=domain)
            self.site.wait_settled()
            self.site.wait_for(f"libvirt-uuid:/{UUID}02", vm_state=state)

    def xapi(self, event, reason, digits="03"):
        directory = self.site.directory / "xapi.d" / event
        directory.mkdir(parents=True, exist_ok=True)
        link = directory / "50-lb"
        if not link.is_symlink():
            link.symlink_to(HOOKS / "xapi/lb-hook-xapi")
        self.call(link, "-vmuuid", UUID + digits, "-reason", reason, "-vmdomid", 7)
        self.site.wait_settled()

    def test_xapi(self):
        key = f"libvirt-uuid:/{UUID}03"
        for event, reason, state in (("vm-pre-start", "none", "boot"), ("vm-post-resume", "none", "running"),
                                     ("vm-pre-shutdown", "clean-shutdown", "running"),
                                     ("vm-post-destroy", "clean-shutdown", "stopped"),
                                     ("vm-post-migrate", "destination", "running"),
                                     ("vm-pre-reboot", "clean-reboot", "running"),
                                     ("vm-post-destroy", "clean-reboot", "running"),
                                     ("vm-post-destroy", "suspend", "stopped")):
            with self.subTest(event=event, reason=reason):
                self.xapi(event, reason)
                status = self.site.wait_for(key, vm_state=state)
        self.assertEqual(status["vm_stop_reason"], "saved")

    def xapi_lives(self, digits, *steps):
        """Calls as in RESUMED: each must end in its state and log its events, no others. The last status."""
        key = f"libvirt-uuid:/{UUID}{digits}"
        types = [row["type"] for row in self.site.lbctl("history", key, check=False)]
        for event, reason, state, *logged in steps:
            with self.subTest(event=event, reason=reason):
                self.xapi(event, reason, digits)
                status = self.site.wait_for(key, vm_state=state)
                types += logged
                self.assertEqual([row["type"] for row in self.site.lbctl("history", key)], types)
        return status

    def must_have_run_at(self, status, *rows):
        self.assertEqual([(row["host"], "to" in row) for row in status["placements"]], list(rows))

    def test_xapi_suspends_and_resumes(self):
        suspended = (("vm-pre-suspend", "suspend", "running"), ("vm-pre-shutdown", "suspend", "running"),
                     ("vm-post-destroy", "suspend", "stopped", "VMStop"))
        status = self.xapi_lives("05", *RESUMED, *suspended)
        self.assertEqual((status["vm_stop_reason"], status["vm_system_halting"]), ("saved", False))
        status = self.xapi_lives("05", *RESUMED)
        self.must_have_run_at(status, (FULL_NAME, True), (FULL_NAME, False))

    def test_xapi_stops(self):
        for digits, reason, announced, told in (("06", "hard-shutdown", [], "destroyed"),
                                                ("11", "clean-shutdown", ["VMShutdown"], "shutdown"),
                                                ("12", "revert", [], "unknown")):  # as older versions say
            status = self.xapi_lives(digits, *RESUMED, ("vm-pre-shutdown", reason, "running", *announced),
                                     ("vm-post-destroy", reason, "stopped", "VMStop"))
            self.assertEqual((status["vm_stop_reason"], status["vm_system_halting"]), (told, bool(announced)))
            self.must_have_run_at(status, (FULL_NAME, True))

    def test_xapi_reboots(self):
        for digits, reason, announced in (("07", "clean-reboot", ["VMShutdown"]), ("08", "hard-reboot", [])):
            key = f"libvirt-uuid:/{UUID}{digits}"
            status = self.xapi_lives(
                digits, *RESUMED, ("vm-pre-shutdown", reason, "running", *announced),
                ("vm-post-destroy", reason, "running"), ("vm-pre-reboot", "none", "running", "VMReboot"),
                ("vm-pre-start", "none", "boot", "VMBoot"))
            self.assertFalse(status["vm_system_halting"])
            # XAPI has no more to say. A guest that booted meanwhile has.
            self.site.logevent("-s", "VMSystem", "-k", key, "-e", "VMRunning", "-t", seconds_from_now(10))
            self.site.wait_for(key, vm_state="really-running")

    def test_xapi_migrates_away(self):
        other = self.site.add_node(OTHER)
        received = ("-H", OTHER, "-s", "VMManager", "-e", "VMMigrate", "--phase", "OK", "--to_host", OTHER)
        left = (("vm-pre-shutdown", "suspend"), ("vm-post-destroy", "suspend"))
        for digits, is_late in (("09", False), ("10", True)):
            key = f"libvirt-uuid:/{UUID}{digits}"
            self.xapi_lives(digits, *RESUMED, ("vm-pre-migrate", "source", "running"))
            arrival = seconds_from_now(0)  # what the hook there logs may come before and after what this one does
            if not is_late:
                self.site.run("lb-logevent", *received, "-k", key, "-t", arrival, environment=other)
                self.site.wait_for(key, vm_phy_hostname=OTHER)
            for event, reason in left:
                self.xapi(event, reason, digits)
            if is_late:
                self.site.wait_for(key, vm_state="stopped")
                self.site.run("lb-logevent", *received, "-k", key, "-t", arrival, environment=other)
            status = self.site.wait_for(key, vm_state="running", vm_phy_hostname=OTHER, vm_system_halting=False)
            self.must_have_run_at(status, (FULL_NAME, True), (OTHER, False))
            self.assertEqual(sorted(row["type"] for row in self.site.lbctl("history", key)),
                             ["VMMigrate", "VMResume", "VMRunning", "VMStop"])

    def test_a_physical_machine_tells_of_itself(self):
        machine = HOOKS / "machine/lb-machine"
        key = f"host:/{FULL_NAME}"
        self.call(machine, "boot", LB_MACHINE=FULL_NAME)
        self.site.wait_for(key, jobtype="physical_machine", vm_state="really-running")
        self.call(machine, "heartbeat", LB_MACHINE=FULL_NAME)
        self.call(machine, "shutdown", LB_MACHINE=FULL_NAME)
        self.site.wait_settled()
        types = [row["type"] for row in self.site.lbctl("history", key)]
        self.assertEqual(types, ["VMBoot", "VMRunning", "VMShutdown"])  # heartbeats are no history
        self.assertEqual(self.site.lbctl("dead", "list"), [])

    def test_a_physical_machine_that_systemd_stops_tells_why(self):
        unit = (BIN.parent / "packaging/units/lb-machine.service").read_text()
        name = f"stops.{FULL_NAME}"  # another one
        for jobs in (["lb-machine.service restart"], ["lb-machine.service stop", "reboot.target start"],
                     ["poweroff.target start"], ["halt.target start"], ["kexec.target start"], ["soft-reboot.target start"]):
            done = stop_unit(unit, HOOKS / "machine/lb-machine", self.site.directory / "systemd", *jobs,
                             environment=dict(self.site.environment, LB_MACHINE=name))
            self.assertEqual((done.returncode, done.stdout, complaints(done)), (0, "", []), jobs)
        self.site.wait_settled()
        self.assertEqual([(row["type"], row["fields"]["reason"]) for row in self.site.lbctl("history", f"host:/{name}")],
                         [("VMShutdown", reason) for reason in ("reboot", "poweroff", "halt", "kexec", "soft-reboot")])

    def test_a_logger_that_hangs_leaves_time_for_the_drop_directory(self):
        # lb-logevent has to give up before the script gives up on lb-logevent.
        programs = self.site.directory / "programs"
        programs.mkdir()
        asked = self.site.directory / "asked"
        for name, script in (("timeout", f'echo "$@" >> {asked}'), ("hostname", "echo node")):
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        path = {"PATH": f"{programs}:{self.site.environment['PATH']}"}
        self.call(HOOKS / "proxmox/lb-hook-proxmox", 103, "pre-start", **path)
        self.call(HOOKS / "machine/lb-machine", "shutdown", **path)
        link = self.site.directory / "vm-pre-start"
        link.mkdir()
        (link / "50-lb").symlink_to(HOOKS / "xapi/lb-hook-xapi")
        self.call(link / "50-lb", "-reason", "none", "-vmuuid", UUID + "04", **path)
        calls = [line.split() for line in asked.read_text().splitlines()]
        self.assertEqual(len(calls), 3)
        for call in calls:
            self.assertLess(int(call[call.index("-T") + 1]), 1000 * int(call[0]))

    def test_no_logger_is_no_harm(self):
        nowhere = {"LB_SOCKET": "/nowhere/logd.sock", "LB_DROP_DIR": "/nowhere/drop"}
        begin = time.monotonic()
        self.call(HOOKS / "proxmox/lb-hook-proxmox", 102, "pre-start", **nowhere)
        self.call(HOOKS / "machine/lb-machine", "boot", is_silent=False, **nowhere)
        self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
