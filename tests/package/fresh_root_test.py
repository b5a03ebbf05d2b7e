"""Packages installed into a root of their own, set up as packaging/README.md says: an event of a user and
one of libvirt's hook go from lb-logd by lb-interlogd to lb-bkserver; removal leaves the data and nothing
else.   fresh_root_test.py rpm|deb"""

import re
import shutil
import sys
import unittest

import built_packages
from site_harness import HOST, free_port, wait_until
from system_root import Root, enter_private_mounts, listen_as

UUID = "6b1a2a9e-0000-4000-8000-0000000000f1"
KEY = f"libvirt-uuid:/{UUID}"
DOMAIN = f"<domain type='kvm'><name>web</name><uuid>{UUID}</uuid></domain>"
HOOK = "/etc/libvirt/hooks/qemu.d/50-lb"
# What the administrator made, the daemons' data, the books of the package manager, and a directory that other
# packages have where rpm is at home.
STAY = re.compile(r"/etc/lb(/(host\.(pem|key)|authorities(/ca\.(pem|crl))?|\w+\.toml(\.rpmsave|\.dpkg-\w+)?))?|/root/pki(/.*)?|"
                  r"/var/(spool/lb|lib/lb-bkserver)(/.*)?|/etc/(passwd|group|shadow|gshadow)-?|/etc/\.pwd\.lock|"
                  r"/(usr|var)/lib/(rpm|sysimage)(/.*)?|/root/\.rpmdb(/.*)?|/usr/lib64/pkgconfig|/var/lib/dpkg/.*|"
                  r"/var/log/.*|/etc/ld\.so\.cache|"
                  r"/var/cache/(ldconfig|man)/.*|/(run|tmp|var/tmp|proc|dev)(/.*)?|/root/.*\.(rpm|deb)")
KIND = "deb"


class FreshRoot(unittest.TestCase):
    def setUp(self):
        self.root = Root().__enter__()
        self.addCleanup(self.root.close)
        self.names = built_packages.packages(KIND)

    def test_install_use_remove(self):
        self.install()
        self.must_be_set_up()
        self.set_up_by_hand()
        services = self.start()
        self.log_and_see()
        for service in reversed(services):
            service.stop()
        self.remove()
        for path in ("/usr/sbin/lb-logd", "/usr/bin/lbctl", HOOK, "/lib/systemd/system/lb-logd.socket"):
            self.assertFalse(self.root.file(path).exists(), path)
        self.assertEqual([path for path in self.root.leftovers() if not STAY.fullmatch(path)], [])
        self.assertTrue(list(self.root.file("/var/lib/lb-bkserver").iterdir()))

    def install(self):
        inside = []
        for path in self.names.values():
            shutil.copy(path, self.root.file("/root"))
            inside.append(f"/root/{path.name}")
        if KIND == "rpm":
            self.root.run("rpm", "--install", "--nodeps", *inside)
        else:
            self.root.run("dpkg", "--install", *inside)

    def must_be_set_up(self):
        root = self.root
        users = root.run("getent", "passwd", "lb", "lb-bkserver").stdout.splitlines()
        self.assertEqual(len(users), 2)
        self.assertIn("lb", root.run("id", "-Gn", "lb-bkserver").stdout.split())
        self.assertEqual(root.mode("/var/spool/lb/drop"), 0o1733)
        self.assertEqual(root.mode("/etc/lb/bkserver.toml"), 0o640)
        self.assertTrue(root.file("/etc/systemd/system/sockets.target.wants/lb-logd.socket").is_symlink())
        self.assertTrue(root.file("/etc/systemd/system/multi-user.target.wants/lb-bkserver.service").is_symlink())
        self.assertEqual(root.run(HOOK, "web", "started", "begin", "-", stdin="").stdout, "")

    def set_up_by_hand(self):
        root = self.root
        self.service = f"localhost:{free_port()}"
        root.run("lbctl", "pki", "init", "/root/pki")
        root.run("lbctl", "pki", "issue", "/root/pki", "--host", HOST, "--also", "localhost", "--out", "/root/pki/host")
        root.run("install", "-m", "0644", "/root/pki/host.pem", "/etc/lb/")
        root.run("install", "-m", "0640", "-g", "lb", "/root/pki/host.key", "/etc/lb/")
        root.run("install", "-m", "0644", "/root/pki/ca.pem", "/etc/lb/authorities/")
        for name, before in (("bkserver", f'service = "{self.service}"\nhost = "{HOST}"\naddress = "127.0.0.1"\n'
                                          f'port = {self.service.split(":")[1]}\n'),
                             ("logd", f'host = "{HOST}"\ndefault_destination = "{self.service}"\n'),
                             ("interlogd", f'host = "{HOST}"\n')):
            path = root.file(f"/etc/lb/{name}.toml")
            # The suggested table [tls] is taken as it stands.
            suggested = re.sub(r"(?m)^#(?=\[tls\]|certificate|key =|authorities)", "", path.read_text())
            path.write_text(before + suggested)

    def start(self):
        listener = listen_as(self.root, "lb-logd")
        services = []
        for name, passed in (("lb-bkserver", None), ("lb-logd", listener), ("lb-interlogd", None)):
            services.append(self.root.service(name))
            services[-1].start(passed)
        listener.close()
        return services

    def log_and_see(self):
        root = self.root
        root.run("lbctl", "register", "vm", "--libvirt-uuid", UUID, "--name", "web")
        root.run(HOOK, "web", "prepare", "begin", "-", stdin=DOMAIN)
        root.run(HOOK, "web", "started", "begin", "-", stdin=DOMAIN)
        self.wait_for("running")
        root.run("lb-logevent", "-s", "VMManager", "-k", KEY, "-e", "VMStop", "--hostname", HOST, "--reason", "shutdown")
        self.wait_for("stopped")

    def wait_for(self, state):
        def shown():
            return self.root.run("lbctl", "--json", "status", KEY, check=False).stdout
        wait_until(lambda: f'"vm_state":"{state}"' in shown(), f"{state}, not {shown()}")

    def remove(self):
        if KIND == "rpm":
            self.root.run("rpm", "--erase", "--nodeps", *self.names)
        else:
            self.root.run("dpkg", "--remove", *self.names)
            self.assertTrue(self.root.file("/etc/lb/logd.toml").exists())  # until it is purged
            self.root.run("dpkg", "--purge", *self.names)


if __name__ == "__main__":
    KIND = sys.argv[1]
    built_packages.skip_without_packages(KIND)
    enter_private_mounts()
    sys.argv.pop(1)
    unittest.main(verbosity=2)
