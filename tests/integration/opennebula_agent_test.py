"""lb-agent-opennebula through the whole chain: frames as OpenNebula's own driver sent them, from a real
ZeroMQ publisher; losses, restarts and a cloud that answers XML-RPC as OpenNebula does."""

import base64
import json
import pathlib
import random
import re
import tempfile
import threading
import time
import unittest
import xmlrpc.server

from site_harness import BIN, SOURCE, SiteTest, free_port, wait_until
from zmq_publisher import Publisher

MESSAGES = SOURCE / "tests/fixtures/opennebula"
UUID = "6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01"
NO_SUCH_MACHINE = 0x0400


def vm_of(number):
    return re.search(r"<VM>.*</VM>", next(MESSAGES.glob(f"{number:02d}-*.xml")).read_text(), re.S).group(0)


def of_machine(text, machine):
    """The same of another machine."""
    return (text.replace("<ID>0</ID>", f"<ID>{machine}</ID>")
            .replace(UUID, f"{UUID[:-6]}{machine:06d}"))


class Cloud(xmlrpc.server.SimpleXMLRPCServer):
    """OpenNebula's calls that the agent makes, for its administrator."""

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), requestHandler=Handler, logRequests=False)
        self.vms = {}
        self.register_function(self.pool, "one.vmpool.infoextended")
        self.register_function(self.vm, "one.vm.info")
        self.register_function(self.hosts, "one.hostpool.info")
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def pool(self, session, of, begin, end, state):
        if session != "oneadmin:secret" or (of, state) != (-2, -1):
            return False, "[one.vmpool.infoextended] not authorized", 0x0200
        live = [xml for _, xml in sorted(self.vms.items()) if "<STATE>6</STATE>" not in xml]
        return True, f"<VM_POOL>{''.join(live[begin:begin - end])}</VM_POOL>", 0

    def vm(self, session, machine):
        if machine not in self.vms:
            return False, f"[one.vm.info] Error getting virtual machine [{machine}].", NO_SUCH_MACHINE
        return True, self.vms[machine], 0

    def hosts(self, session):
        return True, "<HOST_POOL><HOST><ID>1</ID><NAME>kvm1.example.org</NAME><STATE>2</STATE></HOST></HOST_POOL>", 0

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(xmlrpc.server.SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)


class OpenNebulaAgent(SiteTest):
    @classmethod
    def setUpClass(cls):
        if not (BIN / "lb-agent-opennebula").exists():
            raise unittest.SkipTest("skipped: built without libzmq, cppzmq or libcurl")
        super().setUpClass()
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="lb-one-agent-", dir=cls.site.directory))
        (cls.directory / "one_auth").write_text("oneadmin:secret\n")
        cls.events, cls.port = free_port(), free_port()
        cls.cloud = Cloud(cls.port)
        cls.open_publisher()
        cls.agent = cls.site.add_daemon("lb-agent-opennebula", f"""
events = "tcp://127.0.0.1:{cls.events}"
xmlrpc = "http://127.0.0.1:{cls.port}/RPC2"
auth_file = "{cls.directory}/one_auth"
scope = "cloud1"
settle_ms = 300
resync_seconds = 0
backoff_max_ms = 500
socket = "{cls.site.environment['LB_SOCKET']}"
drop_dir = "{cls.site.environment['LB_DROP_DIR']}"
""", cls.directory)
        cls.start_agent()

    @classmethod
    def tearDownClass(cls):
        cls.publisher.close()
        cls.cloud.close()

    @classmethod
    def open_publisher(cls):
        cls.publisher = Publisher(f"tcp://127.0.0.1:{cls.events}")

    @classmethod
    def synchronized(cls, begin):
        text = b"ONA_SYNCHRONIZED"
        wait_until(lambda: text in cls.agent.log.read_bytes()[begin:], "a look at everything")

    @classmethod
    def start_agent(cls):
        begin = cls.agent.log.stat().st_size if cls.agent.log.exists() else 0
        cls.agent.start()
        cls.synchronized(begin)

    def publish(self, number, machine):
        """Under both keys, in two frames, as OpenNebula does."""
        text = of_machine(next(MESSAGES.glob(f"{number:02d}-*.xml")).read_text(), machine)
        state, lcm = (re.search(f"<{tag}>([A-Z_]+)<", text).group(1) for tag in ("STATE", "LCM_STATE"))
        content = base64.b64encode(text.encode()).decode()
        for key in (f"EVENT VM {machine}/{state}/{lcm} ", f"EVENT STATE VM/{state}/{lcm}/{machine} "):
            self.publisher.send(key, content)

    def publish_host(self, state, code):
        """The host of the cloud in this state, as OpenNebula publishes a host."""
        text = ((MESSAGES / "host-error.hook_message.xml").read_text().replace("<ID>3</ID>", "<ID>1</ID>")
                .replace("<RESOURCE_ID>3<", "<RESOURCE_ID>1<").replace("<STATE>ERROR<", f"<STATE>{state}<")
                .replace("<STATE>3<", f"<STATE>{code}<"))
        content = base64.b64encode(text.encode()).decode()
        for key in (f"EVENT HOST 1/{state}/ ", f"EVENT STATE HOST/{state}//1 "):
            self.publisher.send(key, content)

    def now_is(self, number, machine):
        self.cloud.vms[machine] = of_machine(vm_of(number), machine)

    def wait_for(self, machine, state):
        return self.site.wait_for(f"one-vmid:cloud1/{machine}", vm_state=state)

    def test_1_the_recorded_frames_as_they_were_sent(self):
        self.cloud.vms[0] = vm_of(7)
        for line in (MESSAGES / "zmq_frames.jsonl").read_text().splitlines():
            self.publisher.send(*json.loads(line)["frames"])
        self.site.wait_for(f"libvirt-uuid:/{UUID}", vm_state="done", done_code="OK", vm_name="test",
                           vm_phy_hostname="kvm1.example.org")

    def test_2_a_life_that_is_told_in_order(self):
        for number, state in ((1, "pending"), (2, "boot"), (3, "boot"), (4, "running"), (5, "shutdown"), (6, "shutdown"),
                              (7, "done")):
            self.now_is(number, 2)
            self.publish(number, 2)
            status = self.wait_for(2, state)
        self.assertEqual(status["done_code"], "OK")

    def test_3_many_lives_in_random_orders_with_losses_then_a_look(self):
        order = random.Random(7)
        lives = {machine: order.choice(((2, "boot"), (4, "running"), (5, "shutdown"), (7, "done"), (8, "failure")))
                 for machine in range(100, 140)}
        sent = [(number, machine) for machine, (last, _) in lives.items()
                for number in ([1, 2, 3, 8] if last == 8 else range(1, last + 1)) if order.random() < 0.7]
        order.shuffle(sent)
        for machine, (last, _) in lives.items():
            self.now_is(last, machine)
        for number, machine in sent:
            self.publish(number, machine)
        begin = self.agent.log.stat().st_size
        self.publisher.close()  # what comes next has a gap before it
        time.sleep(0.3)
        self.open_publisher()
        self.synchronized(begin)
        told = {machine for _, machine in sent}
        for machine, (_, state) in lives.items():
            if state == "done" and machine not in told:
                continue  # it came and went unseen
            self.wait_for(machine, state)
        self.site.wait_settled()
        self.site.must_rebuild_equal()

    def test_4_machines_that_change_and_end_while_the_agent_is_away(self):
        for machine in (4, 5):
            for number in (1, 2, 3, 4):
                self.now_is(number, machine)
                self.publish(number, machine)
            self.wait_for(machine, "running")
        self.assertEqual(self.agent.stop(), 0)
        self.now_is(7, 4)
        self.now_is(8, 5)
        self.start_agent()
        self.wait_for(4, "done")
        self.wait_for(5, "failure")

    def test_5_a_look_confirms_and_begins_nothing(self):
        for number in (1, 2, 3, 4):
            self.now_is(number, 6)
            self.publish(number, 6)
        before = self.wait_for(6, "running")
        self.agent.restart()
        self.synchronized(self.agent.log.read_bytes().rfind(b"APP_STARTED"))
        self.site.wait_settled()
        after = self.site.status("one-vmid:cloud1/6")
        self.assertEqual(after["stateEnterTimes"], before["stateEnterTimes"])
        looks = [event for event in self.site.lbctl("history", "one-vmid:cloud1/6") if event.get("resync")]
        self.assertTrue(looks)

    def test_6_a_host_is_a_physical_machine(self):
        key = "host:/kvm1.example.org"
        self.site.wait_for(key, vm_state="running")
        for state, code, means in (("ERROR", 3, "failure"), ("MONITORED", 2, "running"), ("OFFLINE", 8, "stopped"),
                                   ("MONITORED", 2, "running")):
            self.publish_host(state, code)
            self.site.wait_for(key, vm_state=means, jobtype="physical_machine")
        # Told by the stream, not found by a look; under two keys, and once.
        self.site.wait_settled()
        told = [(row["type"], row["fields"].get("reason")) for row in self.site.lbctl("history", key)
                if not row.get("resync")]
        self.assertEqual(told, [("VMFail", "error"), ("VMRunning", None), ("VMStop", "unknown"), ("VMRunning", None)])

    def test_7_no_secret_of_a_template_leaves(self):
        self.cloud.vms[42] = (MESSAGES / "secrets.vm.xml").read_text()
        self.agent.restart()
        self.wait_for(42, "boot")
        self.site.wait_settled()
        for path in self.site.directory.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.assertFalse(re.search(b"secret-[1-9]", path.read_bytes()), path)

    def test_8_a_session_that_is_refused_is_said(self):
        (self.directory / "one_auth").write_text("oneadmin:wrong\n")
        begin = self.agent.log.stat().st_size
        self.agent.restart()
        wait_until(lambda: b"not authorized" in self.agent.log.read_bytes()[begin:], "the refusal in the log")
        (self.directory / "one_auth").unlink()
        self.agent.stop()
        self.agent.start(wait=False)
        self.assertEqual(self.agent.process.wait(10), 73)
        self.assertIn("auth_file", self.agent.tail())
        (self.directory / "one_auth").write_text("oneadmin:secret\n")
        self.start_agent()


if __name__ == "__main__":
    unittest.main(verbosity=2)
