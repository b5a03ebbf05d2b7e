"""The lives written down in tests/fixtures, given to a server as a dump file in any order: it shows of every process
what the rules alone make of the same events."""

import json
import random
import sys
import unittest

from site_harness import SOURCE, SiteTest
from ulm_lines import line_of

FIXTURES = [SOURCE / "tests/fixtures" / name for name in ("cases", "traces")]
# What a server knows beside the events.
OF_SERVER = {"children", "acl", "access_rights", "evidence", "disagreements", "stale"}
# A second registrant: the rules take what the server refuses.
REFUSED = {"grid-registered-twice"}
SEED = 20261126


def is_told_in_ulm(case):
    return ("--" not in case["name"] and case["name"] not in REFUSED
            and not any(event.get("resync") for event in case["events"]))


class Lives(SiteTest):
    def test_server_and_rules_agree(self):
        paths = sorted(path for directory in FIXTURES for path in directory.glob("*.json"))
        cases = [case for case in (json.loads(path.read_text()) for path in paths) if is_told_in_ulm(case)]
        lines = [line_of(case, event, self.site.service) for case in cases for event in case["events"]]
        dump = self.site.directory / "lives.ulm"
        dump.write_text("".join(lines))
        replayed = {}
        for text in self.site.run("lbctl", "replay", "--ulm", "--json", "--final", dump).stdout.splitlines():
            status = json.loads(text)["status"]
            replayed[status["jobId"]] = status

        random.Random(SEED).shuffle(lines)
        dump.write_text("".join(lines))
        loaded = self.site.run("lbctl", "--json", "load", dump)
        self.assertEqual(json.loads(loaded.stdout.splitlines()[-1])["set_aside"], 0, loaded.stderr)
        shown = {status["jobId"]: status for status in self.site.lbctl("status", *replayed)}
        self.assertEqual(sorted(shown), sorted(replayed))
        for process, status in shown.items():
            kept = {name: value for name, value in status.items() if name not in OF_SERVER}
            with self.subTest(process, seed=SEED):
                self.assertEqual(kept, {name: value for name, value in replayed[process].items()
                                        if name not in OF_SERVER})
        self.assertEqual(self.site.must_rebuild_equal(), len(shown))
        print(f"{len(cases)} lives, {len(lines)} events, {len(shown)} processes", flush=True)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
