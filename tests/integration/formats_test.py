"""The original's formats and tools: scripts that carry sequence codes, registrations, dump files in and out."""

import base64
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import time
import unittest

from site_harness import HOST, SiteTest
from ulm_lines import line, lives

# What a wrapper of the original did: every step logs, and hands the printed code to the next one.
SCRIPT = r"""
set -eu
step() { EDG_WL_SEQUENCE=$(lb-logevent --timeout 10000 -x -j "$EDG_JOBID" -c "$EDG_WL_SEQUENCE" "$@"); }
step -s UserInterface -e Transfer --destination=NetworkServer --dest_host=ns --job=x --result=START
step -s UserInterface -e Transfer --destination=NetworkServer --dest_host=ns --job=x --result=OK
step -s NetworkServer -e Accepted --from=UserInterface --from_host=ui.example.org
step -s NetworkServer -e EnQueued --queue=q --job='[ matched ]' --result=OK
step -s WorkloadManager -e DeQueued --queue=q
step -s WorkloadManager -e Match --dest_id=ce1.example.org/queue
step -s WorkloadManager -e EnQueued --queue=jc --job='[ job ]' --result=OK
step -s JobController -e DeQueued --queue=jc
step -s JobController -e Transfer --destination=LogMonitor --dest_host=lm --job=c --result=OK
step -s LogMonitor -e Accepted --from=JobController --from_host=jc --local_jobid=123.0
step -s LogMonitor -e Transfer --destination=LRMS --dest_host=ce --job=r --result=OK
# The job's own wrapper has it all in its environment.
export GLITE_WMS_JOBID=$EDG_JOBID
GLITE_WMS_SEQUENCE_CODE=$(GLITE_WMS_SEQUENCE_CODE=$EDG_WL_SEQUENCE lb-logevent -s LRMS -e Running --node=wn1)
export GLITE_WMS_SEQUENCE_CODE
GLITE_WMS_SEQUENCE_CODE=$(lb-logevent -s LRMS -e ReallyRunning --wn-seq="$GLITE_WMS_SEQUENCE_CODE")
GLITE_WMS_SEQUENCE_CODE=$(lb-logevent -s Application -e UserTag --name=step --value=two)
EDG_WL_SEQUENCE=$(lb-logevent -s LRMS -e Done --status_code=OK --exit_code=3)
step -s LogMonitor -e Done --status_code=OK --exit_code=3 --reason=ended
step -I -s NetworkServer -e Clear --reason=USER
echo "$EDG_WL_SEQUENCE"
"""


# The same for a batch system, whose components have counters of their own.
PBS_SCRIPT = r"""
set -eu
step() { EDG_WL_SEQUENCE=$(lb-logevent --timeout 10000 -x -j "$EDG_JOBID" -c "$EDG_WL_SEQUENCE" "$@"); }
step -s PBSServer -e PBSQueued --queue=batch --name=job --owner=alice
step -s PBSServer -e PBSMatch --dest_host=wn1
step -s PBSServer -e PBSRun --scheduler=maui --dest_host=wn1 --pid=7
step -s PBSMom -e PBSRun --scheduler=maui --dest_host=wn1 --pid=7
step -s PBSMom -e PBSDone --exit_status=0
step -s PBSServer -e PBSDone --exit_status=0
echo "$EDG_WL_SEQUENCE"
"""


class Formats(SiteTest):
    def statuses(self):
        jobs = [row["jobId"] for row in self.site.lbctl("jobs", "--limit", "0")]
        return {job: self.site.status(job) for job in jobs}

    def load(self, path, *options, status=0):
        done = self.site.run("lbctl", "--json", "load", path, *options, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout.splitlines()[-1]), done.stderr

    def run_script(self, kind, script, *options):
        """Registers a process and runs the script in its environment; its id and the last line printed."""
        shell = self.site.run("lbctl", "register", kind, "--shell", *options).stdout
        done = subprocess.run(["bash", "-c", shell + script], env=self.site.environment, capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return shell.split('"')[1], done.stdout.strip()

    def test_1_scripts_carry_sequence_codes_through_a_life(self):
        job, code = self.run_script("job", SCRIPT, "--jdl", "[ x ]", "--ns", "ns.example.org:7443")
        # Each component raised its counter when it took the job over, and once an event.
        self.assertEqual(code, "UI=000006:NS=0000000005:WM=000006:BH=0000000000:JSS=000004:LM=000006:"
                         "LRMS=000006:APP=000002:LBS=000000")
        self.site.wait_settled()
        status = self.site.wait_for(job, state="Cleared")
        self.assertEqual(status["done_code"], "OK")
        self.assertEqual(status["exit_code"], 3)
        self.assertEqual(status["destination"], "ce1.example.org/queue")
        self.assertEqual(status["ce_node"], "wn1")
        self.assertEqual(status["user_tags"], {"step": "two"})
        self.assertEqual(status["condorId"], "123.0")
        self.assertEqual(self.site.lbctl("dead", "list"), [])
        job, code = self.run_script("pbs", PBS_SCRIPT, "--ns", "pbs.example.org")
        self.assertEqual(code, "CLIENT=000002:SERVER=0000000008:SCHED=000000:SMOM=000000:MOM=000004")
        status = self.site.wait_for(job, state="Done")
        self.assertEqual((status["done_code"], status["pbs_queue"], status["pbs_exit_status"]), ("OK", "batch", 0))

    def test_2_every_kind_of_job_is_registered(self):
        kinds = {"job": "simple", "dag": "dag", "collection": "collection", "pbs": "pbs", "condor": "condor",
                 "cream": "cream", "transfer": "file_transfer", "transfer-collection": "file_transfer_collection"}
        for kind, jobtype in kinds.items():
            many = ["--children", "3", "--seed", "s"] if kind in ("dag", "collection", "transfer-collection") else []
            row = self.site.lbctl("register", kind, "--jdl", "[ j ]", "--ns", "ns:1", *many)[0]
            status = self.site.status(row["process"])
            self.assertEqual((status["jobtype"], status["state"]), (jobtype, "Submitted"))
            self.assertEqual(len(row.get("children", [])), 3 if many else 0)
            if kind == "pbs":
                self.assertTrue(row["sequence_code"].startswith("CLIENT=000002:"))
            elif kind != "condor":
                self.assertTrue(row["sequence_code"].startswith("UI=000002:"))
        fixed = self.site.lbctl("register", "collection", "--id", f"https://{self.site.service}/abc", "--children", "1",
                                "--seed", "s")[0]
        # base64url(MD5("abc,s,0"))
        self.assertEqual(fixed["children"], [f"https://{self.site.service}/" + child_of("abc", "s", 0)])
        again = self.site.run("lbctl", "register", "collection", "--id", f"https://{self.site.service}/abc", "--exclusive",
                              check=False)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("the process exists", again.stderr)
        job = self.site.lbctl("register", "job")[0]["process"]
        row = self.site.lbctl("register", "transfer", "--from", "gsiftp://ui/in", "--to", "gsiftp://ce/in",
                              "--input-of", job)[0]
        # The registration, where from and to, for whom.
        self.assertTrue(row["sequence_code"].startswith("UI=000004:"))
        transfer = self.site.status(row["process"])
        self.assertEqual((transfer["ft_src"], transfer["ft_dest"], transfer["ft_sandbox_type"], transfer["ft_compute_job"]),
                         ("gsiftp://ui/in", "gsiftp://ce/in", "INPUT", job))
        many = self.site.lbctl("register", "transfer-collection", "--children", "2", "--output-of", job)[0]["process"]
        status = self.site.status(job)
        self.assertEqual((status["isb_transfer"], status["osb_transfer"]), (row["process"], many))
        wrong = self.site.run("lbctl", "register", "job", "--parent", "nonsense", check=False)
        self.assertEqual(wrong.returncode, 65, wrong.stderr)

    def test_3_a_dump_of_the_original_is_loaded_once(self):
        service = self.site.service
        before = len(self.site.lbctl("jobs", "--limit", "0"))
        path = self.site.directory / "purge.dump"
        tagged = f"https://{service}/job00000000"
        hostile = 'a "b" \\c\nDG.EVNT=\x01'
        with open(path, "w") as file:
            for text in lives(service, 400):
                file.write(text + "\n")  # server dumps have an empty line after each event
            file.write(line(tagged, "UserTag", "Application", 50, fields={"NAME": "odd", "VALUE": hostile}))
            file.write('DATE=20120101000000 DG.EVNT="Running\n')
            file.write(line("https://elsewhere.example.org:9000/x", "Clear", "UserInterface", 3))
            file.write(line(tagged, "Done", "LRMS", 60, fields={"STATUS_CODE": "OK"}).replace("\n", "\r\n"))
            file.write(line(tagged, "RegJob", "UserInterface", 0, fields={"NS": "x", "JOBTYPE": "SIMPLE"}, user="/CN=mallory"))
        counts, complaints = self.load(path, status=1)
        self.assertEqual((counts["loaded"], counts["known"], counts["set_aside"], counts["warned"]), (402, 0, 3, 1))
        self.assertIn(f"{path}:802: column 29: the quote is never closed", complaints)
        self.assertIn(f"{path}:803: the process belongs to elsewhere.example.org:9000", complaints)
        aside = (self.site.directory / "purge.dump.set-aside").read_text().splitlines()
        self.assertEqual([text[0] for text in aside], ["#", "D", "#", "D", "#", "D"])
        self.assertEqual(len(self.site.lbctl("jobs", "--limit", "0")), before + 40)
        status = self.site.status(tagged)
        self.assertEqual(status["state"], "Done")
        self.assertEqual(status["owner"], "/DC=org/DC=example/CN=alice")
        self.assertEqual(status["user_tags"], {"progress": "50 %", "odd": hostile})
        again, _ = self.load(path, "--set-aside", "/dev/null", status=1)
        self.assertEqual((again["loaded"], again["known"]), (0, 402))
        self.assertEqual(self.site.status(tagged), status)

    def test_4_what_was_dumped_loads_to_the_same_states(self):
        machine = self.site.lbctl("register", "vm", "--libvirt-uuid", "6b1a2a9e-0000-4000-8000-000000000004",
                                  "--name", "web1")[0]["process"]
        self.site.logevent("--sync", "--timeout", "10000", "-s", "VMManager", "-j", machine, "-e", "VMRunning",
                           "--hostname", HOST, "-a", "note=x=y")
        self.site.logevent("--sync", "--timeout", "10000", "-s", "VMManager", "-k",
                           "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000005", "-e", "VMBoot", "--hostname", HOST)
        # Ahead of the clock they count from when they were accepted; of one moment, the one accepted last is the newest.
        for number, ahead in ((6, (3600, 60)), (7, (-60, -60))):
            for kind, seconds in zip(("VMRunning", "VMStop"), ahead):
                self.site.logevent("--sync", "--timeout", "10000", "-s", "VMManager", "-k",
                                   f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-00000000000{number}", "-e", kind, "--hostname",
                                   HOST, "--time", moment(seconds))
            self.assertEqual(self.site.status(f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-00000000000{number}")["vm_state"],
                             "stopped")
        before = self.statuses()
        first = self.site.directory / "first.ulm"
        self.site.run("lbctl", "dump", "--ulm", "--output", first)
        counts, _ = self.load(first)
        self.assertEqual(counts["loaded"], 0)  # all of it is there
        self.assertGreater(counts["known"], 400)
        empty_server(self.site)
        fresh, _ = self.load(first)
        self.assertEqual(fresh["loaded"], counts["known"])
        self.assertEqual(self.statuses(), before)
        second = self.site.directory / "second.ulm"
        self.site.run("lbctl", "dump", "--ulm", "--output", second)
        self.assertEqual(without_arrival(first), without_arrival(second))
        # One that breaks off leaves what stood there, and nothing beside it.
        whole = second.read_bytes()
        broken = self.site.run("lbctl", "--server", self.site.directory / "nobody.sock", "dump", "--output", second,
                               check=False)
        self.assertNotEqual(broken.returncode, 0)
        self.assertEqual(second.read_bytes(), whole)
        self.assertEqual(list(self.site.directory.glob("*.part")), [])
        one = self.site.run("lbctl", "dump", "--ulm", machine).stdout
        self.assertEqual(len(one.splitlines()), 3)
        self.assertIn('DG.EVNT="VMCreate"', one)
        self.assertEqual(self.site.run("lbctl", "dump", "--ulm", "--to", "2012-01-01T00:00:00Z").stdout, "")

    def test_5_rebuild_by_type_finds_the_same(self):
        everything = self.site.lbctl("rebuild", "--compare-only")
        grid = self.site.lbctl("rebuild", "--type", "simple")
        self.assertEqual(len(self.site.lbctl("jobs", "--type", "simple", "--limit", "0")), len(grid))
        self.assertLess(len(grid), len(everything))
        self.assertEqual([row for row in everything + grid if row["different"]], [])
        self.assertEqual(self.site.run("lbctl", "rebuild", "--type", "nonsense", check=False).returncode, 65)

    def test_6_rebuilds_lose_nothing_of_what_comes_meanwhile(self):
        machines = [self.site.lbctl("register", "vm")[0]["process"] for _ in range(4)]
        ask = ["lbctl", "--json", "rebuild", "--type", "virtual_machine"]
        said = 0
        for number in range(15):
            with subprocess.Popen(ask, env=self.site.environment, stdout=subprocess.PIPE, text=True) as rebuild:
                for machine in machines:
                    self.site.logevent("-j", machine, "-s", "VMSystem", "-e", "UserTag", "--name", f"n{number}",
                                       "--value", "x")
                said += len(rebuild.stdout.readlines())
            self.assertEqual(rebuild.returncode, 0)
        self.assertGreaterEqual(said, 15 * len(machines))
        self.site.wait_settled()
        self.assertEqual(self.site.lbctl("dead", "list"), [])
        tags = {f"n{number}": "x" for number in range(15)}
        for machine in machines:
            self.assertEqual(self.site.status(machine)["user_tags"], tags)
            self.assertEqual([row["type"] for row in self.site.lbctl("history", machine)].count("UserTag"), 15)
        self.site.must_rebuild_equal()


class Bulk(SiteTest):
    """Many lines in, out, and in again: the same states, in bounded memory."""

    LINES = 20_000
    CLIENT_KIB_MAX = 64 * 1024

    def measured(self, *arguments):
        """Runs lbctl within bounded memory; what it printed on both streams."""
        out, err = (self.site.directory / name for name in ("out", "err"))
        begin = time.monotonic()
        with open(out, "w") as out_file, open(err, "w") as err_file:
            process = subprocess.Popen(["lbctl", *map(str, arguments)], env=self.site.environment, stdout=out_file,
                                       stderr=err_file)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        print(f"lbctl {arguments[0]}: {time.monotonic() - begin:.1f} s, {usage.ru_maxrss / 1024:.0f} MiB", flush=True)
        self.assertEqual(process.returncode, 0, out.read_text() + err.read_text())
        self.assertLess(usage.ru_maxrss, self.CLIENT_KIB_MAX)
        return out.read_text(), err.read_text()

    def fingerprint(self, *arguments):
        """Of all rows that lbctl prints, in any order; and how many they are."""
        count = total = 0
        with subprocess.Popen(["lbctl", "--json", *arguments], env=self.site.environment, stdout=subprocess.PIPE) as process:
            for row in process.stdout:
                total += int.from_bytes(hashlib.sha256(row).digest()[:8], "big")
                count += 1
        self.assertEqual(process.returncode, 0)
        return count, total

    def test_lines_go_in_and_out_and_in_again(self):
        lines, dumped = self.site.directory / "lines.ulm", self.site.directory / "dumped.ulm"
        with open(lines, "w") as file:
            file.writelines(lives(self.site.service, self.LINES))
        out, err = self.measured("load", lines)
        self.assertIn(f"{self.LINES:,} events loaded, 0 known already, 0 set aside", out)
        if self.LINES > 100_000:
            self.assertRegex(err, r"[\d,]+ events, \d+ %, [\d,]+ a second, 0 set aside")
        jobs = self.fingerprint("jobs", "--limit", "0")
        self.assertEqual(jobs[0], self.LINES // 10)
        self.assertEqual(self.fingerprint("jobs", "state=Done", "--limit", "0"), jobs)
        samples = [f"https://{self.site.service}/job{number:08}" for number in range(0, self.LINES // 10, self.LINES // 100)]
        statuses = [self.site.status(sample) for sample in samples]
        self.measured("dump", "--output", dumped)
        out, _ = self.measured("load", dumped)
        self.assertIn(f"0 events loaded, {self.LINES:,} known already", out)
        empty_server(self.site)
        out, _ = self.measured("load", dumped)
        self.assertIn(f"{self.LINES:,} events loaded, 0 known already, 0 set aside", out)
        self.assertEqual(self.fingerprint("jobs", "--limit", "0"), jobs)
        self.assertEqual([self.site.status(sample) for sample in samples], statuses)


class Million(Bulk):
    LINES = 1_000_000


def empty_server(site):
    """The same service with nothing in its books."""
    site.server.stop()
    shutil.rmtree(site.directory / "server/", ignore_errors=True)
    site.server.start()


def moment(seconds):
    """So many seconds from now."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def child_of(parent, seed, index):
    digest = hashlib.md5(f"{parent},{seed},{index}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def without_arrival(path):
    """Lines in any order, without the time at which a server took them."""
    return sorted(" ".join(word for word in text.split(" ") if not word.startswith("DG.ARRIVED="))
                  for text in path.read_text().splitlines())


if __name__ == "__main__":
    unittest.main(verbosity=2)
