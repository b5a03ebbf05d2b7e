"""Three MariaDB nodes of one Galera cluster on loopback ports."""

import pathlib
import random
import shutil

from mariadb_server import MariadbServer
from site_harness import free_port, wait_until

PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera/libgalera_smm.so",
             "/usr/lib64/galera-4/libgalera_smm.so")
NODES = 3


def find_galera():
    """The provider's path; nothing when it, or what copies the state to a new node, is absent."""
    provider = next((path for path in PROVIDERS if pathlib.Path(path).exists()), None)
    return provider if shutil.which("rsync") and shutil.which("wsrep_sst_rsync") else None


class GaleraCluster:
    def __init__(self, directory):
        self.ports = [[free_port() for _ in range(3)] for _ in range(NODES)]
        address = "gcomm://" + ",".join(f"127.0.0.1:{group}" for group, _, _ in self.ports)
        self.nodes = [MariadbServer(f"{directory}/node{i}", self._options(i, address), bootstrap=i == 0)
                      for i in range(NODES)]
        self.choice = random.Random(0)

    def _options(self, number, address):
        group, increments, copies = self.ports[number]
        provider_options = ";".join((
            f"base_port={group}", f"gmcast.listen_addr=tcp://127.0.0.1:{group}",
            f"ist.recv_addr=127.0.0.1:{increments}", f"ist.recv_bind=127.0.0.1:{increments}", "gcache.size=128M",
            "pc.recovery=false"))  # its own time limits: shorter ones take a busy machine for a dead node
        return ["--bind-address=127.0.0.1", f"--port={free_port()}", "--binlog-format=ROW",
                "--innodb-autoinc-lock-mode=2", "--wsrep-on=ON", f"--wsrep-provider={find_galera()}",
                "--wsrep-cluster-name=lb-test", f"--wsrep-cluster-address={address}", f"--wsrep-node-name=n{number}",
                f"--wsrep-node-address=127.0.0.1:{group}", f"--wsrep-provider-options={provider_options}",
                "--wsrep-sst-method=rsync", f"--wsrep-sst-receive-address=127.0.0.1:{copies}"]

    def start(self):
        self.nodes[0].start("--wsrep-new-cluster")
        for node in self.nodes[1:]:
            node.start(seconds=120)
            self.wait_synced(node)

    @staticmethod
    def wait_synced(node):
        wait_until(lambda: node.sql("show status like 'wsrep_local_state_comment'", check=False).endswith("Synced"),
                   f"{node.directory.name} synced", 120)

    def kill_and_restart_one(self):
        node = self.choice.choice(self.nodes)
        node.kill()
        node.start(seconds=180)
        self.wait_synced(node)

    def wait_applied(self):
        """Until each node shows what was committed on the others."""
        for node in self.nodes:
            wait_until(lambda: node.sql("set wsrep_sync_wait = 1; select 1", check=False) == "1",
                       f"{node.directory.name} up to date", 120)

    def stop(self):
        for node in reversed(self.nodes):
            node.stop()
