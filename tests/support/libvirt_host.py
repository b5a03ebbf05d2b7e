"""A private libvirtd with real qemu guests: own mount and UTS namespace, own directories; nothing of
the machine's /etc, /run or /var is touched. Needs root and the packages, no systemd, no KVM."""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest
import uuid

from site_harness import BIN, HOST, run, wait_until

QEMU_CONF = """dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
"""

DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type>{boot}</os>
  <features><acpi/></features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <video><model type='none'/></video>
    {devices}
  </devices>
</domain>
"""

# 16-bit boot code. Each guest waits two seconds (INT 15h, AH=86h), then acts on an I/O port.
WAIT = bytes([0xB4, 0x86, 0xB9, 0x1E, 0x00, 0xBA, 0x80, 0x84, 0xCD, 0x15])
HALT = bytes([0xF4, 0xEB, 0xFD])
# The next access to the clock's memory goes to its byte 0x7F, which nobody uses and no reset clears.
SELECT = bytes([0xB0, 0x7F, 0xE6, 0x70])
# The keyboard controller's command for a reset, 0xFE: left in that byte as a mark, then given.
RESET = SELECT + bytes([0xB0, 0xFE, 0xE6, 0x71, 0xE6, 0x64])
UNTIL_RESET = WAIT + RESET + HALT
GUESTS = {
    # The power management register of this chip set: soft off.
    "poweroff": WAIT + bytes([0xBA, 0x04, 0x06, 0xB8, 0x00, 0x20, 0xEF]) + HALT,
    # The panic device.
    "panic": WAIT + bytes([0xBA, 0x05, 0x05, 0xB0, 0x01, 0xEE]) + HALT,
    # Reads the mark. Where it stands (0x74 jumps), the guest has been reset: it says R on its serial line. Where it
    # does not, it waits and resets itself.
    "reboot": SELECT + bytes([0xE4, 0x71, 0x3C, 0xFE, 0x74, len(UNTIL_RESET)]) + UNTIL_RESET +
              bytes([0xBA, 0xF8, 0x03, 0xB0, ord("R"), 0xEE]) + HALT,
    "idle": HALT,
    # Writes half a megabyte again and again: a slow migration of it never ends by itself.
    "busy": bytes([0xFC, 0x43, 0xBA, 0x00, 0x10, 0x8E, 0xC2, 0x31, 0xFF, 0xB9, 0x00, 0x80, 0x89, 0xD8, 0xF3, 0xAB,
                   0x81, 0xC2, 0x00, 0x10, 0x81, 0xFA, 0x00, 0x90, 0x72, 0xEB, 0xEB, 0xE5]),
}


def why_not():
    """Why no libvirt can run here; empty if it can."""
    if os.geteuid() != 0:
        return "libvirt's namespace needs root"
    for program in ("/usr/sbin/libvirtd", "/usr/bin/qemu-system-x86_64", "/usr/bin/virsh"):
        if not os.path.exists(program):
            return f"{program} is not installed"
    probe = subprocess.run(["unshare", "-m", "-u", "true"], capture_output=True, text=True)
    return "" if probe.returncode == 0 else f"no private namespaces here: {probe.stderr.strip()}"


def run_tests(agent=False, lacking=None):
    """The tests of the script that calls, or why they are skipped. `agent`: they need lb-agent-libvirt; `lacking`: what
    else is missing here."""
    reason = why_not() or lacking
    if agent and not (BIN / "lb-agent-libvirt").exists():
        reason = "lb-agent-libvirt was not built: no libvirt-dev"
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)


class Background:
    """A program that runs beside the test."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self, seconds=60):
        return self.process.wait(seconds)


class LibvirtHost:
    """with LibvirtHost(directory, hook) as host: ... `hostname`: what it and its hook are called."""

    def __init__(self, directory, hook_script, hostname=HOST):
        self.hostname = hostname
        self.directory = pathlib.Path(directory)
        self.uri = f"qemu+unix:///system?socket={self.directory}/sock/libvirt-sock"
        for name in ("sock", "log", "run", "lib", "cache", "guests"):
            (self.directory / name).mkdir(parents=True)
        shutil.copytree("/etc/libvirt", self.directory / "etc", dirs_exist_ok=True)
        (self.directory / "etc/hooks").mkdir(exist_ok=True)
        self.set_hook(hook_script)
        (self.directory / "etc/qemu.conf").write_text('user = "root"\ngroup = "root"\n' + QEMU_CONF)
        (self.directory / "libvirtd.conf").write_text(
            f'unix_sock_dir = "{self.directory}/sock"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\n'
            f'log_level = 3\nlog_outputs = "3:file:{self.directory}/log/libvirtd.log"\nhost_uuid = "{uuid.uuid4()}"\n')
        self.user = []           # command that makes it somebody else's
        self.environment = None  # None: the test's own
        self.process = None
        self.domains = []

    def __enter__(self):
        self.start()
        return self

    def start(self):
        binds = self.make_binds()
        log = open(self.directory / "log/stdout", "ab")
        self.process = subprocess.Popen(
            ["unshare", "-m", "-u", "sh", "-c",
             f"{binds} hostname {self.hostname}; exec {' '.join(self.user)} /usr/sbin/libvirtd "
             f"--config {self.directory}/libvirtd.conf --pid-file {self.directory}/libvirtd.pid"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=self.environment)
        log.close()
        wait_until(lambda: self.virsh("uri", check=False).returncode == 0, "libvirtd answers")

    def make_binds(self):
        """Commands that put our directories in the place of the machine's."""
        for path in ("/run/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/etc/libvirt"):
            os.makedirs(path, exist_ok=True)
        return "".join(f"mount --bind {self.directory}/{ours} {theirs}; " for ours, theirs in (
            ("run", "/run/libvirt"), ("lib", "/var/lib/libvirt"), ("cache", "/var/cache/libvirt"), ("etc", "/etc/libvirt")))

    def set_hook(self, script):
        """libvirt must have found a hook at its start; its content counts at once."""
        hook = self.directory / "etc/hooks/qemu"
        hook.write_text(script)
        hook.chmod(0o755)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def __exit__(self, *_):
        for name in self.domains:
            self.virsh("destroy", name, check=False)
        self.stop()

    def virsh(self, *arguments, check=True):
        return run(*self.user, "virsh", "-c", self.uri, *arguments, check=check, environment=self.environment)

    def define(self, guest):
        """Defines a domain that runs GUESTS[guest]; (name, uuid)."""
        name = f"lb-{guest}-{len(self.domains)}"
        image = self.directory / f"guests/{name}.img"
        image.write_bytes((GUESTS[guest].ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
        devices = (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{image}'/>"
                   "<target dev='hda' bus='ide'/></disk>")
        if guest == "panic":
            devices += "<panic model='isa'/>"
        if guest == "reboot":
            devices += f"<serial type='file'><source path='{self.said(name)}'/></serial>"
        return self.define_with(name, devices)

    def define_with(self, name, devices, memory_mib=32, boot=""):
        """Defines a domain with these devices, and what it boots from if that is no disk; (name, uuid)."""
        domain_uuid = str(uuid.uuid4())
        xml = self.directory / f"guests/{name}.xml"
        xml.write_text(DOMAIN.format(name=name, uuid=domain_uuid, devices=devices, memory_mib=memory_mib, boot=boot))
        self.virsh("define", xml)
        self.domains.append(name)
        return name, domain_uuid

    def said(self, name):
        """What a guest with a serial line wrote there."""
        return self.directory / f"guests/{name}.serial"

    def qemu_pid(self, name):
        return int((self.directory / f"run/qemu/{name}.pid").read_text())


class SessionHost(LibvirtHost):
    """The libvirtd of an ordinary user, as qemu:///session finds it: by `user` and `environment`."""

    uid = 65534

    def __init__(self, directory, hook_script, hostname=HOST):
        super().__init__(directory, hook_script, hostname)
        self.uri = "qemu:///session"
        self.user = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]
        # Nobody but this test starts a libvirtd: the agent shall see that it is away.
        self.environment = dict(os.environ, HOME=str(self.directory), LIBVIRT_AUTOSTART="0")
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            self.environment[f"XDG_{name}_HOME"] = str(self.directory / name.lower())
        self.environment["XDG_RUNTIME_DIR"] = str(self.directory / "run")
        (self.directory / "config/libvirt").mkdir(parents=True)
        (self.directory / "config/libvirt/qemu.conf").write_text(QEMU_CONF)
        (self.directory / "libvirtd.conf").write_text(
            f'log_level = 3\nlog_outputs = "3:file:{self.directory}/log/libvirtd.log"\nhost_uuid = "{uuid.uuid4()}"\n')
        self._give_away(self.directory, *self.directory.rglob("*"))

    def _give_away(self, *paths):
        for path in paths:
            os.chown(path, self.uid, self.uid)

    def make_binds(self):
        """The hook's directory is the machine's for sessions, too."""
        os.makedirs("/etc/libvirt", exist_ok=True)
        return f"mount --bind {self.directory}/etc /etc/libvirt; "

    def define_with(self, *arguments, **named):
        self._give_away(*(self.directory / "guests").iterdir())
        return super().define_with(*arguments, **named)

    def qemu_pid(self, name):
        return int((self.directory / f"run/libvirt/qemu/run/{name}.pid").read_text())
