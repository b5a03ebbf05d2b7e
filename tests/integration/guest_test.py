"""A real guest: the distribution's kernel with a system made here boots under libvirt and qemu; its lb-guest
speaks over virtio-serial, without any network. The machine is really running because the guest says so, and
its end is announced by the guest before the host's stop."""

import pathlib
import re

import libvirt_host
from site_harness import BIN, HOST, SiteTest

# Where the kernel has them as modules; the guest loads them in this order.
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_console",
           "vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport")
SERIAL = ("<controller type='virtio-serial'/><channel type='unix'><source mode='bind'/>"
          "<target type='virtio' name='org.lb.0'/></channel>")
VSOCK = "<vsock model='virtio'><cid auto='yes'/></vsock>"


def find_kernel():
    """(vmlinuz, directory of modules) of an installed kernel of the distribution."""
    for kernel in sorted(pathlib.Path("/boot").glob("vmlinuz-*"), reverse=True):
        modules = pathlib.Path("/lib/modules") / kernel.name.removeprefix("vmlinuz-")
        if modules.is_dir():
            return kernel, modules
    return None, None


def cpio_entry(number, name, mode, data=b""):
    """One file in the archive form that the kernel unpacks (newc)."""
    name_bytes = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name_bytes), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name_bytes
    header += b"\0" * (-len(header) % 4)
    return header + data + b"\0" * (-len(data) % 4)


def make_initramfs(modules):
    files = [(name, 0o40755, b"") for name in ("dev", "proc", "sys", "modules")]
    files += [("init", 0o100755, (BIN / "lb-test-guest-init").read_bytes()),
              ("lb-guest", 0o100755, (BIN / "lb-guest").read_bytes())]
    for name in MODULES:
        found = list(modules.rglob(f"{name}.ko"))
        if found:
            files.append((f"modules/{name}.ko", 0o100644, found[0].read_bytes()))
    entries = [cpio_entry(number, name, mode, data) for number, (name, mode, data) in enumerate(files, 1)]
    return b"".join(entries) + cpio_entry(0, "TRAILER!!!", 0)


class Guest(SiteTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        environment = cls.site.environment
        hook = (f"#!/bin/sh\nexport LB_SOCKET={environment['LB_SOCKET']} LB_DROP_DIR={environment['LB_DROP_DIR']}\n"
                f"exec {BIN}/lb-hook-libvirt \"$@\"\n")
        cls.host = cls.enterClassContext(libvirt_host.LibvirtHost(cls.site.directory / "libvirt", hook))
        lib, run = cls.host.directory / "lib", cls.host.directory / "run"
        cls.agent = cls.site.add_daemon("lb-agent-guest", f'''
libvirt_directories = ["{run}/qemu/channel", "{lib}/qemu/channel/target"]
libvirt_states = "{run}/qemu"
socket = "{environment['LB_SOCKET']}"
drop_dir = "{environment['LB_DROP_DIR']}"
''', cls.site.directory / "node").start()
        cls.addClassCleanup(cls.agent.stop)

    def define(self, way_out):
        kernel, modules = find_kernel()
        initramfs = self.host.directory / "guests/initramfs.cpio"
        initramfs.write_bytes(make_initramfs(modules))
        self.console = self.host.directory / "guests/console.log"
        return self.host.define_with(
            f"lb-guest{len(self.host.domains)}", memory_mib=192,
            boot=f"<kernel>{kernel}</kernel><initrd>{initramfs}</initrd>"
                 "<cmdline>console=ttyS0 quiet panic=-1</cmdline>",
            devices=f"{way_out}<serial type='file'><source path='{self.console}'/></serial>")

    def test_a_system_boots_speaks_and_announces_its_end(self):
        self.live(SERIAL)

    def test_the_same_by_vsock(self):
        if not pathlib.Path("/dev/vhost-vsock").exists():
            self.skipTest("skipped: this kernel has no /dev/vhost-vsock")
        self.live(VSOCK)

    def live(self, way_out):
        name, uuid = self.define(way_out)
        key = f"libvirt-uuid:/{uuid}"
        self.host.virsh("start", name)
        try:
            self.site.wait_for(key, 120, vm_state="really-running", vm_phy_hostname=HOST)
            self.site.wait_for(key, 60, user_tags={"role": "web server"})
            self.site.wait_for(key, 60, vm_state="stopped")
        except Exception:
            print(self.console.read_text(errors="replace")[-3000:])
            raise
        said = re.findall(r"^test: (lb-guest \w+)[\s\S]*?-> (-?\d+)$", self.console.read_text(errors="replace"), re.M)
        self.assertEqual([code for _, code in said], ["0", "0", "75", "0", "0"], said)
        rows = [(row["type"], row["source"]) for row in self.site.lbctl("history", key)]
        self.assertEqual(rows, [("VMBoot", "VMManager"), ("VMRunning", "VMManager"), ("VMRunning", "VMSystem"),
                                ("UserTag", "VMSystem"), ("VMShutdown", "VMSystem"), ("VMStop", "VMManager")])
        # The guest's word is the guest's: the host says only on whose channel it came.
        self.assertEqual({row["identity"] for row in self.site.lbctl("history", key) if row["source"] == "VMSystem"},
                         {f"channel:{key}"})
        shutdown = self.site.lbctl("history", key)[4]
        self.assertEqual(shutdown["fields"]["reason"], "kernel update")
        self.assertLess(shutdown["time"], self.site.lbctl("history", key)[5]["time"])
        # A heartbeat is no history, but the server knows the last one.
        self.site.wait_settled()
        evidence = self.site.lbctl("why", key)[0]["evidence"]
        beats = [row for row in evidence if (row["source"], row["event"]) == ("VMSystem", "VMHeartbeat")]
        self.assertEqual(len(beats), 1, evidence)
        running = self.site.lbctl("history", key)[2]
        self.assertTrue(running["time"] < beats[0]["time"] < shutdown["time"], beats)
        status = self.site.status(key)
        self.assertTrue(status["vm_system_halting"])


if __name__ == "__main__":
    libvirt_host.run_tests(lacking=None if find_kernel()[0] else
                           "no kernel of the distribution in /boot with its modules (linux-image-cloud-amd64)")
