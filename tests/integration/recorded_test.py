"""Recorded lives of others through the whole chain: logger, forwarder, server, state. They are not ours to publish:
read from ../shared/cases beside the checkout, else skipped."""

import concurrent.futures
import datetime
import json
import os
import pathlib
import sys
import unittest

from site_harness import Site, wait_until

ROOT = pathlib.Path(os.environ.get("LB_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
CASES = ROOT.parent / "shared" / "cases"
LOGGERS = 4
T0 = datetime.datetime(2012, 1, 1)
TIMEOUT_MS = 20000


def time_text(seconds):
    return (T0 + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Recorded(unittest.TestCase):
    def read(self, name):
        path = CASES / f"{name}.json"
        if not path.exists():
            self.skipTest(f"no {path}")
        return json.loads(path.read_text())

    def process_of(self, case, role):
        """The recorded id with this server in it; children's ids follow from the unique part alone."""
        return f"https://{self.site.service}/" + case["jobs"][role].rsplit("/", 1)[1]

    def log(self, case, event):
        fields = []
        for name, value in event["fields"].items():
            if str(value) != "":
                fields += ["-F", f"{name}={value}".replace("@main", self.process_of(case, "main"))]
        done = self.site.logevent("-s", event["source"], "-e", event["type"], "-H", event["host"],
                                  "-i", event.get("instance", ""), "-t", time_text(event["t"]), "-T", str(TIMEOUT_MS),
                                  "-I", "-c", event["seqcode"],
                                  "-j", self.process_of(case, event.get("job", "main")), *fields, check=False)
        self.assertEqual(done.returncode, 0, f"{event}\n{done.stderr}")

    def expected(self, case):
        """By role: the state, and when it was entered."""
        final = case["expect_final"]
        ends = {}
        for role, end in (final.get("jobs") or {"main": final}).items():
            ends[role] = {key: end[key] for key in ("state", "done_code") if key in end}
            entered = end.get("attributes", {}).get("stateEnterTime")
            if entered is not None:
                ends[role]["stateEnterTime"] = time_text(entered)
        return ends

    def live(self, name):
        case = self.read(name)
        with Site() as self.site:
            events = case["events"]
            self.log(case, events[0])
            with concurrent.futures.ThreadPoolExecutor(LOGGERS) as loggers:
                list(loggers.map(lambda event: self.log(case, event), events[1:]))
            ends = self.expected(case)

            def differing():
                found = {role: self.site.status(self.process_of(case, role)) for role in ends}
                return {role: (end, {key: found[role].get(key) for key in end})
                        for role, end in ends.items() if any(found[role].get(key) != end[key] for key in end)}

            wait_until(lambda: not differing(), f"{name}: the recorded ends", seconds=120)
            print(f"{name}: {len(events)} events through the chain, {len(ends)} processes end as recorded", flush=True)

    def test_a_simple_job(self):
        self.live("replay-simple-avg")

    def test_a_job_of_many_attempts(self):
        self.live("replay-simple-max")

    def test_a_dag(self):
        self.live("replay-dag-avg")

    def test_a_child_of_a_dag(self):
        self.live("replay-dag-subjob")


class Long(Recorded):
    """A hundred children, 1,770 events."""

    test_a_simple_job = test_a_job_of_many_attempts = test_a_dag = test_a_child_of_a_dag = None

    def test_a_collection(self):
        self.live("replay-collection-100")


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
