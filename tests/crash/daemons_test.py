"""Kills the daemons and the database at random instants under load. What was acknowledged must be
stored exactly once, states must be those of a rebuild, and nobody repairs anything by hand."""

import argparse
import collections
import contextlib
import ctypes
import pathlib
import random
import sys
import threading
import time

from site_harness import BIN, HOST, Failed, Site, run, wait_until

MACHINES = 40
PRODUCERS = 4
LIBRARY_PAUSE_SECONDS = 0.005  # calls of the library take microseconds: leave the processors to the daemons


class Library:
    """The C library as a program of another language uses it, one context a thread."""

    SOCKET, DROP_DIR, TIMEOUT_MS, SOURCE = 1, 2, 3, 4

    def __init__(self, site):
        self.lb = ctypes.CDLL(BIN.parent / "lib/liblb.so")
        for name in ("lb_context_new", "lb_event_new"):
            getattr(self.lb, name).restype = ctypes.c_void_p
        environment = site.environment
        self.context = ctypes.c_void_p(self.lb.lb_context_new())
        for option, value in ((self.SOCKET, environment["LB_SOCKET"]), (self.DROP_DIR, environment["LB_DROP_DIR"]),
                              (self.TIMEOUT_MS, "2000"), (self.SOURCE, "VMManager")):
            if self.lb.lb_context_set(self.context, option, value.encode()) != 0:
                raise Failed(f"lb_context_set({option}, {value})")

    def log(self, machine, fields, is_sync):
        """The event's id when the library says that it will not be lost."""
        event = ctypes.c_void_p(self.lb.lb_event_new(fields["type"].encode()))
        for name, value in fields.items():
            if name != "type" and self.lb.lb_event_set(event, name.encode(), value.encode()) != 0:
                raise Failed(f"lb_event_set({name}, {value})")
        event_id = ctypes.create_string_buffer(37)
        outcome = self.lb.lb_log(self.context, machine.encode(), event, int(is_sync), event_id)
        self.lb.lb_event_free(event)
        return event_id.value.decode() if outcome >= 0 else None

    def close(self):
        self.lb.lb_context_free(self.context)


class Command:
    """lb-logevent, as scripts use it."""

    def __init__(self, site):
        self.site = site

    def log(self, machine, fields, is_sync):
        words = [word for name, value in fields.items() if name != "type" for word in (f"--{name}", value)]
        done = self.site.logevent(*(["--sync"] if is_sync else []), "--timeout", "2000", "-s", "VMManager", "-k",
                                  machine, "-e", fields["type"], *words, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def close(self):
        pass


class Producers:
    """Threads that log through lb-logevent and the C library and remember what was acknowledged."""

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
        door = Library(self.site) if number % 2 else Command(self.site)
        while not self.stop.is_set():
            fields = choice.choice(({"type": "VMRunning"}, {"type": "VMStop", "reason": "saved"}, {"type": "VMBoot"}))
            machine = choice.choice(self.machines)
            event_id = door.log(machine, {**fields, "hostname": HOST}, choice.random() < 0.2)
            with self.lock:
                if event_id:
                    self.acknowledged.append((machine, event_id))
                else:
                    self.failed += 1
            if number % 2:
                time.sleep(LIBRARY_PAUSE_SECONDS)
        door.close()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def database_pid(site):
    """Of the private mariadbd; of its next life if it is between two."""
    def look():
        for pid_file in pathlib.Path(site.directory / "server").rglob("*.pid"):
            with contextlib.suppress(FileNotFoundError):
                text = pid_file.read_text().strip()
                if text.isdigit():
                    return int(text)
        return None

    return wait_until(look, "a pid file of the private mariadbd", 60)


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
    parser.add_argument("--kills", type=int, default=20, help="of each daemon and of mariadbd")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(2**32)
    print(f"seed {seed}: repeat with --seed {seed}", flush=True)
    choice = random.Random(seed)
    victims = ["lb-bkserver", "lb-logd", "lb-interlogd", "mariadbd"]
    kills = victims * options.kills
    choice.shuffle(kills)
    with Site(interlogd_options="backoff_first_ms = 20") as site:
        machines = [f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-{i:012d}" for i in range(MACHINES)]
        producers = Producers(site, machines)
        try:
            for number, victim in enumerate(kills, 1):
                time.sleep(choice.uniform(0.02, 1.0))
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
