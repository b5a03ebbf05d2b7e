"""OpenNebula's hooks through the real daemons: messages as its hook manager and its older versions hand
them over, the hooks that `lbctl setup opennebula` writes, and who may log as the cloud's manager."""

import base64
import pathlib
import re
import tempfile
import unittest

from site_harness import BIN, HOST, SOURCE, SiteTest, run

MESSAGES = SOURCE / "tests/fixtures/opennebula"
UUID = "6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01"
KEY = "one-vmid:cloud1/0"


def message(number):
    return next(MESSAGES.glob(f"{number:02d}-*.xml")).read_text()


def vm_of(number, replaced=None):
    """What $TEMPLATE stands for: the base64 of <VM>...</VM>."""
    xml = re.search(r"<VM>.*</VM>", message(number), re.S).group(0)
    for before, after in (replaced or {}).items():
        xml = xml.replace(before, after)
    return base64.b64encode(xml.encode()).decode()


class OpenNebula(SiteTest):
    def hook(self, *arguments, stdin=None, check=True):
        done = self.site.run("lb-hook-opennebula", *arguments, stdin=stdin, check=check)
        if check:
            self.assertEqual((done.stdout, done.stderr), ("", ""))
        return done

    def test_1_the_hook_manager_passes_a_life_on_standard_input(self):
        for number, state in ((1, "pending"), (2, "boot"), (3, "boot"), (4, "running")):
            self.hook(stdin=f"{vm_of(number)} cloud1")
            status = self.site.wait_for(KEY, vm_state=state)
        self.assertEqual(status["vm_phy_hostname"], "kvm1.example.org")
        self.assertEqual((status["vm_name"], status["vm_owner"], status["vm_id"]), ("test", "oneadmin", "0"))
        # One machine, by whichever of its keys.
        self.assertEqual(self.site.status(f"libvirt-uuid:/{UUID}")["jobId"], status["jobId"])
        for number, state in ((5, "shutdown"), (6, "shutdown"), (7, "done")):
            self.hook(stdin=f"{vm_of(number)} cloud1")
            self.site.wait_for(KEY, vm_state=state)
        self.assertEqual(self.site.wait_for(KEY, state="Done")["done_code"], "OK")

    def test_2_a_second_hook_for_the_same_change_counts_once(self):
        before = len(self.site.lbctl("history", KEY))
        for number in (2, 4, 7):
            self.hook(stdin=f"{vm_of(number)} cloud1")
        self.site.wait_settled()
        self.assertEqual(len(self.site.lbctl("history", KEY)), before)

    def test_3_old_hooks_pass_arguments(self):
        other = {UUID: UUID[:-1] + "2", "<ID>0</ID>": "<ID>7</ID>"}
        for number, previous in ((2, ("PENDING", "LCM_INIT")), (4, ("ACTIVE", "BOOT"))):
            self.hook("7", *previous, vm_of(number, other), "old")
        self.site.wait_for("one-vmid:old/7", vm_state="running")

    def test_4_a_machine_that_has_no_uuid_yet_is_the_same_one_later(self):
        without = {f"<OS><UUID><![CDATA[{UUID}]]></UUID></OS>": "", "<ID>0</ID>": "<ID>9</ID>"}
        self.hook(stdin=f"{vm_of(1, without)} cloud1")
        early = self.site.wait_for("one-vmid:cloud1/9", vm_state="pending")
        with_one = {UUID: UUID[:-1] + "9", "<ID>0</ID>": "<ID>9</ID>"}
        for number in (2, 4):
            self.hook(stdin=f"{vm_of(number, with_one)} cloud1")
        late = self.site.wait_for("one-vmid:cloud1/9", vm_state="running")
        self.assertEqual(late["jobId"], self.site.status(f"libvirt-uuid:/{UUID[:-1]}9")["jobId"])
        self.assertEqual(early["vm_name"], late["vm_name"])

    def test_5_a_host_is_a_physical_machine(self):
        lost = (MESSAGES / "host-error.hook_message.xml").read_text()
        found = lost.replace("<STATE>3</STATE>", "<STATE>2</STATE>")
        for text, state in ((found, "running"), (lost, "failure"), (found, "running")):
            self.hook(stdin=base64.b64encode(text.encode()).decode())
            status = self.site.wait_for("host:/kvm1.example.org", vm_state=state)
        self.assertEqual(status["jobtype"], "physical_machine")

    def test_6_what_is_not_understood_is_said(self):
        for words in ("", "%%%", base64.b64encode(b"<VM/>").decode(), "a b c"):
            done = self.hook(stdin=words, check=False)
            self.assertEqual(done.returncode, 65)
            self.assertIn("lb-hook-opennebula: ", done.stderr)

    def test_7_only_who_may_speak_for_the_cloud_does(self):
        done = run("setpriv", "--reuid=65534", "--clear-groups", BIN / "lb-hook-opennebula", vm_of(4), "cloud1",
                   check=False, environment=self.site.environment)
        self.assertEqual(done.returncode, 65)
        self.assertIn("CloudManager", done.stderr)

    def test_8_setup_writes_a_hook_for_every_state(self):
        with tempfile.TemporaryDirectory(prefix="lb-one-") as directory:
            self.site.run("lbctl", "setup", "opennebula", "--scope", "cloud1", "--out", directory)
            hooks = sorted(pathlib.Path(directory).iterdir())
            rows = [line.split("\t") for line in (MESSAGES / "states.tsv").read_text().splitlines()[1:]]
            states = sum(1 for row in rows if row[2] != "ACTIVE" and not row[4].startswith(("obsolete", "only before")))
            self.assertEqual(len([path for path in hooks if path.name.startswith("lb-vm-")]), states)
            text = (pathlib.Path(directory) / "lb-vm-active-boot_failure").read_text()
            for line in ('NAME = "lb-vm-active-boot_failure"', 'TYPE = "state"', 'RESOURCE = "VM"', 'ON = "CUSTOM"',
                         'STATE = "ACTIVE"', 'LCM_STATE = "BOOT_FAILURE"', 'ARGUMENTS = "$TEMPLATE cloud1"',
                         'ARGUMENTS_STDIN = "yes"'):
                self.assertIn(line, text.splitlines())

    def test_8_setup_registers_them_with_onehook(self):
        with tempfile.TemporaryDirectory(prefix="lb-one-") as directory:
            registered = pathlib.Path(directory) / "registered"
            program = pathlib.Path(directory) / "onehook"
            # As the real one: lists names, creates one hook from a file.
            program.write_text(f"""#!/bin/sh
case "$1" in
list) cat "{registered}" 2> /dev/null || true ;;
create) sed -n 's/^NAME = "\\(.*\\)"/\\1/p' "$2" >> "{registered}"; echo "ID: 1" ;;
*) exit 1 ;;
esac
""")
            program.chmod(0o755)
            environment = {"PATH": f"{directory}:{self.site.environment['PATH']}"}
            first = self.site.lbctl("setup", "opennebula", "--register", environment=environment)
            names = registered.read_text().split()
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual({row["outcome"] for row in first}, {"registered"})
            again = self.site.lbctl("setup", "opennebula", "--register", environment=environment)
            self.assertEqual({row["outcome"] for row in again}, {"is registered"})
            self.assertEqual(registered.read_text().split(), names)

    def test_8_setup_writes_hooks_of_old_versions(self):
        shown = self.site.run("lbctl", "setup", "opennebula", "--old", "--scope", "cloud1").stdout
        self.assertIn("VM_HOOK = [", shown)
        self.assertIn('arguments = "$ID $PREV_STATE $PREV_LCM_STATE $TEMPLATE cloud1"', shown)
        self.assertEqual(shown.count("VM_HOOK = ["), 83)
        self.assertEqual(shown.count("HOST_HOOK = ["), 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
