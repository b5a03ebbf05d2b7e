"""What goes wrong around the daemons while they run, under load: partitions, a spool whose disk is
full, out of inodes or read-only, a database that goes and comes, certificates that are renewed and
revoked. What was acknowledged must be stored exactly once, with nothing repaired by hand."""

import argparse
import contextlib
import errno
import os
import random
import subprocess
import sys
import time

from daemons_test import MACHINES, Producers, check, database_pid
from site_harness import HOST, Failed, Site, resident_mib, run, wait_until
from tcp_proxy import TcpProxy

DISK_MIB = 8


def machines():
    return [f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-{i:012d}" for i in range(MACHINES)]


@contextlib.contextmanager
def load(site):
    """Producers for so long; then everything must arrive."""
    producers = Producers(site, machines())
    try:
        yield producers
    finally:
        producers.end()
    wait_until(lambda: site.run("lbctl", "server", "health", check=False).returncode == 0, "the server", 60)
    wait_until(lambda: not any((site.directory / "node/drop").iterdir()), "an empty drop directory", 120)
    site.wait_settled(180)
    check(site, producers)
    print(f"  {len(producers.acknowledged)} acknowledged, {producers.failed} calls refused in time: 0 lost, 0 doubled, "
          "rebuild equal", flush=True)


def partitions(count, choice):
    """The network between the host and its server goes and comes; producers never notice."""
    proxy = TcpProxy(seed=choice.randrange(2**32))
    with Site(service_port=proxy.port, interlogd_options="backoff_first_ms = 20") as site:
        proxy.set_targets([("127.0.0.1", site.port)])
        with load(site) as producers:
            for _ in range(count):
                proxy.delay_seconds = choice.choice((0, 0, 0.05))
                time.sleep(choice.uniform(0.05, 0.4))
                before = len(producers.acknowledged)
                proxy.partition(choice.uniform(0.2, 1.0), lambda: wait_until(
                    lambda: len(producers.acknowledged) > before, "an acknowledged event while the network was away", 60))
            proxy.delay_seconds = 0
        proxy.close()


@contextlib.contextmanager
def small_disk(site, options):
    spool = site.directory / "node/spool"
    spool.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,{options}", "lb-test", spool],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        print(f"  skipped: no tmpfs can be mounted here: {mounted.stderr.strip()}", flush=True)
        yield None
        return
    try:
        yield spool
    finally:
        run("umount", "--lazy", spool)


def fill(spool):
    """Takes the disk's free bytes; the path of what took them. The load may have filled the disk before."""
    ballast = spool / "ballast"
    try:
        with open(ballast, "wb") as file:
            free = os.statvfs(spool).f_bavail * os.statvfs(spool).f_frsize
            file.write(b"x" * free)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    return ballast


def take_inodes(spool):
    names = []
    try:
        while True:
            names.append(spool / f"inode{len(names)}")
            names[-1].touch()
    except OSError:
        return names[:-1]


def disks(choice):
    """The spool's disk: full, out of inodes, read-only, and well again."""
    site = Site(logd_options="[spool]\nfree_bytes_min = 0\nsegment_bytes_min = 65536\nsegment_bytes_max = 262144",
                interlogd_options="backoff_first_ms = 20")
    with small_disk(site, "nr_inodes=64,mode=755") as spool, site:
        if spool is None:
            return
        with load(site):
            for trouble in ("full", "inodes", "read-only"):
                time.sleep(choice.uniform(0.3, 1.0))
                print(f"  {trouble}", flush=True)
                if trouble == "full":
                    ballast = fill(spool)
                    time.sleep(1.5)
                    ballast.unlink(missing_ok=True)
                elif trouble == "inodes":
                    names = take_inodes(spool)
                    time.sleep(1.5)
                    for name in names:
                        name.unlink()
                else:
                    # Refused as long as a file is open for writing; then it is at least full.
                    done = subprocess.run(["mount", "-o", "remount,ro", spool], capture_output=True)
                    ballast = fill(spool) if done.returncode else None
                    time.sleep(1.5)
                    if ballast:
                        ballast.unlink(missing_ok=True)
                    else:
                        run("mount", "-o", "remount,rw", spool)


def stand_still(pid, seconds):
    run("kill", "-STOP", pid, check=False)
    time.sleep(seconds)
    run("kill", "-CONT", pid, check=False)


def be_slow(pid, seconds):
    """Each statement takes many times as long as it should, for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stand_still(pid, 0.1)
        time.sleep(0.01)


def database(count, choice):
    """The database is stopped, killed, stands still or is slow; it comes back by itself. Nobody holds in memory what
    waits for it."""
    with Site(interlogd_options="backoff_first_ms = 20") as site:
        with load(site):
            for _ in range(count):
                time.sleep(choice.uniform(0.2, 0.8))
                pid = database_pid(site)
                trouble = choice.choice(("TERM", "KILL", "still", "slow"))
                print(f"  mariadbd: {trouble}", flush=True)
                if trouble == "still":
                    stand_still(pid, choice.uniform(0.5, 2.0))
                elif trouble == "slow":
                    be_slow(pid, choice.uniform(1.0, 4.0))
                else:
                    run("kill", f"-{trouble}", pid, check=False)
        for daemon, mib_max in ((site.logd, 32), (site.interlogd, 64), (site.server, 512)):
            if resident_mib(daemon.process.pid) > mib_max:
                raise Failed(f"{daemon.name}: {resident_mib(daemon.process.pid):.0f} MiB, more than {mib_max}")


def certificates():
    """Certificates are renewed while everything runs; a revoked forwarder is shut out, its spool kept."""
    with Site(interlogd_options="backoff_first_ms = 20") as site:
        with load(site):
            for _ in range(3):
                time.sleep(0.5)
                site.issue(host=HOST, also=("localhost", "127.0.0.1"))
                site.trust_again()
            # The new certificates are used once the connections are new.
            site.server.restart()
            time.sleep(0.5)
            old = {ending: (site.pki / f"{HOST}.{ending}").read_bytes() for ending in ("pem", "key")}
            (site.pki / "revoked.pem").write_bytes(old["pem"])
            site.run("lbctl", "pki", "revoke", site.pki, site.pki / "revoked.pem")
            site.trust_again()
            site.interlogd.restart()
            wait_until(lambda: "revoked" in site.interlogd.log.read_text(errors="replace"), "the refusal", 30)
            site.issue(host=HOST, also=("localhost", "127.0.0.1"))
            site.trust_again()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=5)
    parser.add_argument("--database", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--only", choices=("partitions", "disks", "database", "certificates"))
    options = parser.parse_args()
    print(f"repeat with --seed {options.seed}", flush=True)
    choice = random.Random(options.seed)
    cases = {"partitions": lambda: partitions(options.partitions, choice), "disks": lambda: disks(choice),
             "database": lambda: database(options.database, choice), "certificates": certificates}
    for name, case in cases.items():
        if options.only in (None, name):
            print(name, flush=True)
            case()
    return 0


if __name__ == "__main__":
    sys.exit(main())
