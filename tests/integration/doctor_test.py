"""lbctl doctor on a host and on a server: all well, and each thing that may be wrong, with what to do."""

import base64
import json
import os
import pathlib
import re
import shutil
import unittest

from site_harness import BIN, SOURCE, SiteTest, wait_until

OUR_HOOK = f'exec {BIN}/lb-hook-libvirt "$@"'
MACHINE = "libvirt-uuid:/11111111-2222-3333-4444-555555555555"
# As OpenNebula passes a machine: STATE 3 and LCM_STATE 3 are ACTIVE and RUNNING.
ONE_TEMPLATE = base64.b64encode(b"<VM><ID>42</ID><NAME>a</NAME><STATE>3</STATE><LCM_STATE>3</LCM_STATE></VM>").decode()
DOMAIN = f"<domain><name>web1</name><uuid>{MACHINE.partition('/')[2]}</uuid></domain>"


class Doctor(SiteTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.site.directory / "root"  # of the system whose hooks are looked at
        cls.hook = cls.root / "etc/libvirt/hooks/qemu"
        cls.agents = cls.site.directory / "agents"
        cls.hook.parent.mkdir(parents=True)
        cls.agents.mkdir()
        cls.set_hook(OUR_HOOK)

    @classmethod
    def set_hook(cls, script, mode=0o755):
        cls.write(cls.hook, f"#!/bin/sh\n{script}\n", mode)

    @staticmethod
    def write(path, text, mode=0o644):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def ask(self, part):
        """Exit status, findings by check."""
        done = self.site.run("lbctl", "--json", "doctor", part, "--server-runtime-dir",
                             self.site.directory / "server/run", "--root", self.root, "--agents-dir", self.agents,
                             check=False)
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
        self.site.logevent("-e", "VMRunning", "-s", "VMManager", "-k", MACHINE)
        self.site.wait_settled()
        rows = self.examine("host", 0)
        service = self.site.service
        for check in ("lb-logd", "lb-interlogd", "certificate of lb-interlogd", f"forwarding to {service}",
                      f"clock beside {service}", "spool", "quarantine", "drop directory",
                      f"libvirt hook {self.hook}", "events of the last hour"):
            self.assertEqual(rows[check]["result"], "ok", rows[check])
        self.assertIn("valid for", rows["certificate of lb-interlogd"]["found"])
        self.assertEqual(rows["events of the last hour"]["found"], "1")
        rows = self.examine("server", 0)
        for check in ("lb-bkserver", "database", "certificate of lb-bkserver", f"clock beside {self.site.host}",
                      f"backlog of {self.site.host}", "events of the last hour"):
            self.assertEqual(rows[check]["result"], "ok", rows[check])
        self.assertEqual(rows["events of the last hour"]["found"], "1")

    def test_2_people_read_it_too(self):
        done = self.site.run("lbctl", "doctor", "host", "--root", self.root, "--agents-dir", self.agents)
        self.assertIn("ok       lb-logd: up", done.stdout)

    def test_3_a_hook_that_harms(self):
        check = f"libvirt hook {self.hook}"
        self.addCleanup(self.set_hook, OUR_HOOK)
        self.set_hook("echo noise instead of lb-hook-libvirt")
        self.assertEqual(self.examine("host", 1)[check]["result"], "problem")
        self.set_hook("exit 3 # lb-hook-libvirt")
        self.assertEqual(self.examine("host", 1)[check]["result"], "problem")
        self.set_hook("exit 0")  # somebody else's
        self.assertEqual(self.examine("host", 1)["libvirt hook"]["result"], "problem")
        self.hook.unlink()
        self.assertEqual(self.examine("host", 1)["libvirt hook"]["result"], "problem")

    def judged(self, check, status=0):
        return self.examine("host", status)[check]["result"]

    def test_3_a_hook_that_libvirt_does_not_call_yet(self):
        check = "libvirt calls the hook"
        self.assertEqual(self.judged(check), "skipped")  # no libvirtd there
        pid_file = self.root / "run/libvirtd.pid"
        self.write(pid_file, "1\n")
        self.assertEqual(self.judged(check), "ok")
        os.utime(pid_file, (0, 0))
        self.assertEqual(self.judged(check), "warning")
        # Its events tell more than the age of files.
        self.site.run(self.hook, "web1", "started", "begin", "-", stdin=DOMAIN)
        wait_until(lambda: self.judged(check) == "ok", "the hook's event")
        self.assertRegex(self.examine("host", 0)[check]["found"],
                         r"^\d+ events since lb-logd started, the last \d+ seconds ago$")

    def test_3_a_host_of_xen_by_libvirt(self):
        xen = self.root / "proc/xen/capabilities"
        self.addCleanup(xen.unlink)
        self.write(xen, "")
        row = self.examine("host", 1)["libvirt hook"]
        self.assertEqual(row["result"], "problem")
        self.assertIn("/etc/libvirt/hooks/libxl.d/50-lb", row["do"])
        self.write(self.root / "etc/libvirt/hooks/libxl.d/50-lb", f"#!/bin/sh\n{OUR_HOOK}\n", 0o755)
        self.examine("host", 0)

    def test_3_proxmox(self):
        check = "Proxmox hookscript"
        self.assertNotIn(check, self.examine("host", 0))
        machines = self.root / "etc/pve/qemu-server"
        self.addCleanup(shutil.rmtree, machines)
        self.write(machines / "100.conf", "cores: 1\nhookscript: local:snippets/lb-hook-proxmox\n")
        self.assertEqual(self.judged(check), "ok")
        self.write(machines / "101.conf", "cores: 1\n[before]\nhookscript: local:snippets/lb-hook-proxmox\n")
        self.write(machines / "102.conf", "hookscript: local:snippets/another\n")
        row = self.examine("host", 1)[check]
        self.assertEqual(set(row["found"].removeprefix("machines without it: ").split()), {"101", "102"})

    def test_3_xapi(self):
        hooks = self.root / "etc/xapi.d"
        self.addCleanup(shutil.rmtree, hooks)
        hooks.mkdir()
        missing = "not installed, or not executable, for "
        row = self.examine("host", 1)["XAPI hooks"]
        # Those that the hook knows what to say of.
        events = set(re.findall(r"(?m)^    (vm-[a-z-]+)/", (SOURCE / "logd/hooks/xapi/lb-hook-xapi").read_text()))
        self.assertEqual(set(row["found"].removeprefix(missing).split()), events)
        for event in events - {"vm-post-migrate"}:
            self.write(hooks / event / "50-lb", "#!/bin/sh\nexec lb-hook-xapi\n", 0o755)
        row = self.examine("host", 1)["XAPI hooks"]
        self.assertEqual(row["found"], missing + "vm-post-migrate")
        self.write(hooks / "vm-post-migrate/50-lb", "#!/bin/sh\nexec lb-hook-xapi\n", 0o755)
        self.assertEqual(self.judged("XAPI hooks"), "ok")
        self.assertEqual(self.judged("XAPI calls the hooks"), "skipped")

    def test_3_opennebula_and_the_machine_itself(self):
        cloud, machine = "OpenNebula calls the hook", "this machine tells of itself"
        self.assertEqual(self.judged(machine), "skipped")
        configuration = self.root / "etc/one/oned.conf"
        enabled = self.root / "etc/systemd/system/multi-user.target.wants/lb-machine.service"
        for path in (configuration, enabled):
            self.addCleanup(path.unlink)
            self.write(path, "")
        rows = self.examine("host", 0)
        self.assertEqual([rows[check]["result"] for check in (cloud, machine)], ["warning", "warning"])
        self.site.run(SOURCE / "logd/hooks/machine/lb-machine", "heartbeat",
                      environment={"PATH": f"{BIN}:{os.environ['PATH']}"})
        self.site.run("lb-hook-opennebula", "42", "ACTIVE", "RUNNING", ONE_TEMPLATE)
        wait_until(lambda: self.judged(cloud) == "ok" and self.judged(machine) == "ok", "their events")

    def test_3_an_agent(self):
        if not (BIN / "lb-agent-libvirt").exists():
            self.skipTest("skipped: built without libvirt-dev")
        agent = self.site.add_daemon("lb-agent-libvirt", f"""uri = "test:///default"
socket = "{self.site.environment['LB_SOCKET']}"
drop_dir = "{self.site.environment['LB_DROP_DIR']}"
""", self.agents)
        agent.runtime = self.agents / agent.name
        agent.start()
        self.addCleanup(shutil.rmtree, agent.runtime)
        wait_until(lambda: self.ask("host")[0] == 0, "the agent is connected")
        self.assertEqual(self.examine("host", 0)[agent.name]["result"], "ok")
        agent.stop()
        agent.config.write_text(agent.config.read_text().replace(
            "test:///default", "qemu+unix:///session?socket=/nonexistent"))
        agent.start()
        self.assertEqual(self.examine("host", 1)["lb-agent-libvirt and libvirt"]["result"], "problem")
        agent.kill()
        self.assertEqual(self.examine("host", 1)[agent.name]["result"], "problem")

    def test_4_the_logger_is_down(self):
        self.site.logd.stop()
        self.addCleanup(self.site.logd.start)
        rows = self.examine("host", 1)
        self.assertEqual(rows["lb-logd"]["result"], "problem")
        self.assertEqual(rows["libvirt calls the hook"]["found"], "lb-logd could not be asked")

    def test_4_a_clock_that_is_wrong(self):
        if not list(pathlib.Path("/usr").glob("lib*/**/faketime/libfaketime.so.1")):
            self.skipTest("skipped: no libfaketime")
        interlogd = self.site.interlogd

        def restart(prefix):
            interlogd.stop()
            interlogd.prefix = prefix
            interlogd.start()
        self.addCleanup(restart, [])
        restart(["env", "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1", "FAKETIME=+90s", "DONT_FAKE_MONOTONIC=1"])
        check = f"clock beside {self.site.service}"
        wait_until(lambda: self.ask("host")[1][check]["result"] == "problem", "the host knows")
        self.assertRegex(self.examine("host", 1)[check]["found"], r"^-(8[5-9]|9[0-5])\d{3} ms")
        row = self.examine("server", 1)[f"clock beside {self.site.host}"]
        self.assertRegex(row["found"], r"^(8[5-9]|9[0-5])\d{3} ms")

    def test_4_the_forwarder_is_down_and_the_server_is_away(self):
        self.site.interlogd.stop()
        self.assertEqual(self.examine("host", 1)["lb-interlogd"]["result"], "problem")
        self.site.interlogd.start()
        self.site.server.stop()
        self.assertEqual(self.examine("server", 1)["lb-bkserver"]["result"], "problem")
        self.site.logevent("-e", "VMStop", "-s", "VMManager", "-k", MACHINE)
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
