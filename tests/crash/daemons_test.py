"""Kills the daemons and the database at random instants under load. What was acknowledged must be
stored exactly once, states must be those of a rebuild, and nobody repairs anything by hand."""

import argparse
import collections
import pathlib
import random
import sys
import threading
import time

from site_harness import HOST, Failed, Site, run, wait_until

MACHINES = 40
PRODUCERS = 4


class Producers:
    """Threads that log through lb-logevent and remember what was acknowledged."""

    def __init__(self, site, machines):
        self.site = site
        self.machines = machines
        self.acknowledged = []
        self.failed = 0
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.produce, args=(i,)) for i in range(PRODUCERS)]
        for thread in self.threads:
            thread.start()

    def produce(self, number):
        choice = random.Random(number)
        while not self.stop.is_set():
            machine = choice.choice(self.machines)
            words = choice.choice((("VMRunning",), ("VMStop", "--reason", "saved"), ("VMBoot",)))
            extra = ["--sync"] if choice.random() < 0.2 else []
            done = self.site.logevent(*extra, "--timeout", "2000", "-s", "VMManager", "-k", machine, "-e", words[0],
                                      "--hostname", HOST, *words[1:], check=False)
            with self.lock:
                if done.returncode == 0:
                    self.acknowledged.append((machine, done.stdout.strip()))
                else:
                    self.failed += 1

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def database_pid(site):
    path = pathlib.Path(site.directory / "server")
    for pid_file in path.rglob("*.pid"):
        text = pid_file.read_text().strip()
        if text.isdigit():
            return int(text)
    raise Failed("the private mariadbd has no pid file")


def kill_one(site, victim):
    if victim == "mariadbd":
        run("kill", "-9", database_pid(site), check=False)
        return
    daemon = {"lb-bkserver": site.server, "lb-logd": site.logd, "lb-interlogd": site.interlogd}[victim]
    daemon.kill()
    daemon.start(wait=False)


def check(site, producers):
    expected = collections.defaultdict(list)
    for machine, event_id in producers.acknowledged:
        expected[machine].append(event_id)
    for machine, ids in expected.items():
        stored = collections.Counter(row["event_id"] for row in site.lbctl("history", machine))
        doubled = [event_id for event_id, count in stored.items() if count > 1]
        lost = [event_id for event_id in ids if event_id not in stored]
        if doubled or lost:
            raise Failed(f"{machine}: {len(lost)} lost {lost[:5]}, {len(doubled)} doubled {doubled[:5]}")
    if letters := site.lbctl("dead", "list"):
        raise Failed(f"dead letters: {letters[:3]}")
    site.must_rebuild_equal()
    damaged = [row for row in site.lbctl("spool", "verify") if row["damages"]]
    if damaged:
        raise Failed(f"damaged segments: {damaged[:3]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each daemon and of mariadbd, all in all")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(2**32)
    print(f"seed {seed}: repeat with --seed {seed}", flush=True)
    choice = random.Random(seed)
    victims = ["lb-bkserver", "lb-logd", "lb-interlogd", "mariadbd"]
    kills = [victims[i % len(victims)] for i in range(options.kills)]
    choice.shuffle(kills)
    with Site(interlogd_options="backoff_first_ms = 20") as site:
        machines = [f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-{i:012d}" for i in range(MACHINES)]
        producers = Producers(site, machines)
        try:
            for number, victim in enumerate(kills, 1):
                time.sleep(choice.uniform(0.05, 1.2))
                kill_one(site, victim)
                print(f"kill {number}: {victim}, {len(producers.acknowledged)} events acknowledged", flush=True)
        finally:
            producers.end()
        wait_until(lambda: all(daemon.is_up() for daemon in site.daemons), "all daemons up")
        wait_until(lambda: site.run("lbctl", "server", "health", check=False).returncode == 0, "the server", 60)
        wait_until(lambda: not any((site.directory / "node/drop").iterdir()), "an empty drop directory", 60)
        site.wait_settled(120)
        check(site, producers)
        print(f"{len(producers.acknowledged)} events acknowledged over {len(kills)} kills, {producers.failed} calls "
              f"refused in time: 0 lost, 0 doubled, rebuild equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
