"""Bookkeeping servers that share one database: the same processes hit through both at once, while
connections are cut, servers and their database are killed. Nothing is lost or doubled, and a rebuild finds the same.

--galera: three servers, each over a node of its own of a Galera cluster, whose nodes are killed too."""

import argparse
import collections
import random
import sys
import tempfile
import threading
import time

from mariadb_server import MariadbServer, find_mariadbd
from galera_cluster import GaleraCluster, find_galera
from site_harness import HOST, Failed, Site, free_port, wait_until
from tcp_proxy import TcpProxy

MACHINES = [f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-{i:012d}" for i in range(6)]
SKIPPED = 77


class Node:
    """A host: its daemons, and a thread that logs to them."""

    def __init__(self, site, name, host):
        site.issue(host=host, also=("localhost",))
        self.site = site
        self.host = host
        self.logd, self.interlogd = site.make_node(name, host, interlogd_options="backoff_first_ms = 20")
        self.environment = {"LB_SOCKET": str(site.directory / name / "run/logd.sock"),
                            "LB_DROP_DIR": str(site.directory / name / "drop"),
                            "LB_SPOOL_DIR": str(site.directory / name / "spool"),
                            "LB_RUNTIME_DIR": str(site.directory / name / "run")}
        self.acknowledged = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.produce)

    def start(self):
        self.logd.start()
        self.interlogd.start()
        self.thread.start()

    def produce(self):
        choice = random.Random(self.host)
        while not self.stop.is_set():
            machine = choice.choice(MACHINES)
            done = self.site.run("lb-logevent", "--timeout", "5000", "-s", "VMManager", "-k", machine, "-e",
                                 choice.choice(("VMRunning", "VMBoot")), "--hostname", self.host, check=False,
                                 environment=self.environment)
            if done.returncode == 0:
                self.acknowledged.append((machine, done.stdout.strip()))

    def is_settled(self):
        return all(row.get("unsettled", 0) == 0
                   for row in self.site.lbctl("spool", "list", environment=self.environment))

    def end(self):
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join()


class Bench:
    """Servers over their databases, a proxy as the service's name, and hosts."""

    def __init__(self, dsns, hosts):
        ports = [free_port() for _ in dsns]
        self.proxy = TcpProxy([("127.0.0.1", port) for port in ports])
        self.site = Site(service_port=self.proxy.port)
        self.servers = [self.site.make_server(f"server{i}", port, f'database = "{dsn}"\ninstance = "server{i}"')
                        for i, (port, dsn) in enumerate(zip(ports, dsns))]
        self.nodes = [Node(self.site, f"node{i}", f"node{i}.example.org") for i in range(hosts)]

    def __enter__(self):
        try:
            self.servers[0].start()
            for server in self.servers[1:]:
                server.start()
            for node in self.nodes:
                node.start()
        except Exception:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            for server in self.servers:
                print(f"---- {server.config.name}\n{server.tail()}", flush=True)
        self.close()

    def close(self):
        for node in self.nodes:
            node.end()
            node.interlogd.stop()
            node.logd.stop()
        for server in self.servers:
            server.stop()
        self.proxy.close()
        self.site.close()

    def socket_of(self, number):
        return {"LB_SERVER": str(self.site.directory / f"server{number}/run/bkserver.sock")}

    def trouble(self, rounds, choice, kill_database):
        for _ in range(rounds):
            time.sleep(choice.uniform(0.3, 1.0))
            kind = choice.randrange(4)
            if kind == 0:
                self.proxy.cut()
            elif kind == 1:
                self.proxy.partition(choice.uniform(0.1, 0.5))
            elif kind == 2:
                server = choice.choice(self.servers)
                server.kill()
                server.start(wait=False)
            else:
                kill_database()

    def settle(self, seconds):
        for node in self.nodes:
            node.end()
        for number, server in enumerate(self.servers):
            wait_until(lambda: self.site.run("lbctl", "server", "health", check=False,
                                             environment=self.socket_of(number)).returncode == 0,
                       f"{server.config.name} answering", 120)
        for node in self.nodes:
            wait_until(node.is_settled, f"{node.host}: an empty spool", seconds)

    def stored(self, number, machine):
        """How often each event is in the history that a server shows."""
        return collections.Counter(row["event_id"] for row in
                                   self.site.lbctl("history", machine, environment=self.socket_of(number)))

    def check(self):
        """The same through every server."""
        expected = collections.defaultdict(list)
        for node in self.nodes:
            for machine, event_id in node.acknowledged:
                expected[machine].append(event_id)
        for number in range(len(self.servers)):
            environment = self.socket_of(number)
            if letters := self.site.lbctl("dead", "list", environment=environment):
                raise Failed(f"server{number}: dead letters {letters[:3]}")
            for machine, ids in expected.items():
                stored = self.stored(number, machine)
                lost = [event_id for event_id in ids if event_id not in stored]
                doubled = [event_id for event_id, count in stored.items() if count > 1]
                if lost or doubled:
                    elsewhere = {f"server{other}": len(set(lost) & set(self.stored(other, machine)))
                                 for other in range(len(self.servers))}
                    raise Failed(f"server{number}, {machine}: of {len(ids)} lost {len(lost)} {lost[:3]} (now there: "
                                 f"{elsewhere}), doubled {doubled[:3]}")
            rows = self.site.lbctl("rebuild", "--compare-only", check=False, environment=environment)
            if len(rows) < len(expected) or any(row["different"] for row in rows):
                raise Failed(f"server{number}: a rebuild differs: {rows[:3]}")
        return sum(len(ids) for ids in expected.values())


def kill_and_restart(server):
    server.kill()
    server.start()


def play(dsns, options, kill_database, wait_applied=lambda: None):
    choice = random.Random(options.seed)
    with Bench(dsns, hosts=len(dsns)) as bench:
        bench.trouble(options.rounds, choice, kill_database)
        bench.settle(180)
        wait_applied()
        count = bench.check()
        if min(bench.proxy.taken) == 0:
            raise Failed(f"a server got no connection: {bench.proxy.taken}")
        print(f"{count} events acknowledged at {len(dsns)} hosts, {options.rounds} troubles, connections "
              f"{bench.proxy.taken}: 0 lost, 0 doubled, rebuild equal through each server")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--galera", action="store_true")
    options = parser.parse_args()
    print(f"repeat with --seed {options.seed}", flush=True)
    if find_mariadbd() is None:
        print("skipped: no mariadbd")
        return SKIPPED
    if options.galera and find_galera() is None:
        print("skipped: no Galera provider (apt install mariadb-server galera-4 rsync)")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="lb-db-") as directory:
        if options.galera:
            cluster = GaleraCluster(directory)
            try:
                cluster.start()
                play([node.dsn("lb") for node in cluster.nodes], options, cluster.kill_and_restart_one,
                     cluster.wait_applied)
            finally:
                cluster.stop()
            return 0
        server = MariadbServer(f"{directory}/one")
        try:
            server.start()
            play([server.dsn("lb")] * 2, options, lambda: kill_and_restart(server))
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
