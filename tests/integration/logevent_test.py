"""lb-logevent knows every event type and every field of the original by the original's names."""

import re
import unittest

from site_harness import HOST, SOURCE, SiteTest

# Which process an event type is told of, by the hundreds of its code, and who tells it.
FAMILIES = {
    0: ("job", "LogMonitor"),
    1: ("pbs", "PBSServer"),
    2: ("condor", "LogMonitor"),
    3: ("cream", "CREAMExecutor"),
    4: ("transfer", "LRMS"),
    5: ("vm", "VMManager"),
}
IDS = ("parent", "child", "dest_jobid", "transfer_job", "compute_job")
# Kind of a field: the option's text, and how the history shows it.
VALUES = {
    "int": ("7", 7),
    "port": ("9002", 9002),
    "double": ("2.5", 2.5),
    "timeval": ("2012-01-01T00:00:00.25Z", "2012-01-01T00:00:00.250000Z"),
    "logsrc": ("jobcontroller", "JobController"),
    "taglist": ("cput=00:01:00,mem=7kb", {"cput": "00:01:00", "mem": "7kb"}),
}


def types_of_original():
    """(code, type, [(field, kind)]) of each."""
    text = (SOURCE / "tests/fixtures/legacy_event_types.txt").read_text()
    for code, name, *fields in (line.split() for line in text.splitlines() if not line.startswith("#")):
        yield int(code), name, [tuple(field.split("/")[:2]) for field in fields]


class EveryType(SiteTest):
    def options(self, name, fields, other):
        """Every field of the type: {field: (text of its option, what the history shows)}."""
        text = self.site.logevent("-e", name, "--help").stdout
        values = {}
        for field, kind in fields:
            self.assertRegex(text, rf"(?m)^  --{field} ")
            if field == "jobtype":
                values[field] = ("Collection", "COLLECTION")
            elif kind == "enum":
                word = re.search(rf"(?m)^  --{field} .*\[(.*)\]", text)[1].split()[-1]
                values[field] = (word.lower(), word)
            elif field in IDS:
                values[field] = (other, other)
            elif field == "hostname":
                values[field] = (HOST, HOST)  # whom it may speak for
            else:
                said = f'{field} "of" {name}=\\é'
                values[field] = VALUES.get(kind, (said, said))
        return values

    def test_each_type_with_all_its_fields(self):
        other = self.site.lbctl("register", "job", "--ns", "ns:1")[0]["process"]
        processes = {word: self.site.lbctl("register", word)[0]["process"] for word, _ in FAMILIES.values()}
        expected = {}
        for code, name, fields in types_of_original():
            kind, source = FAMILIES[code // 100]
            process = f"https://{self.site.service}/whole" if name == "RegJob" else processes[kind]
            values = self.options(name, fields, other)
            done = self.site.logevent("-x", "--event", name, "--source", source, "--jobid", process, "--instance", "i-1",
                                      "--timeout", "10000", *(f"--{field}={text}" for field, (text, _) in values.items()))
            shown = {field: value for field, (_, value) in values.items()}
            expected[done.stdout.strip()] = (process, name, source, "i-1", shown)
        self.assertEqual(len(expected), 79)
        self.site.wait_settled()
        self.assertEqual(self.site.lbctl("dead", "list"), [])
        found = {}
        for process in {row[0] for row in expected.values()}:
            for row in self.site.lbctl("history", process):
                found[row["event_id"]] = (process, row["type"], row["source"], row.get("instance"), row.get("fields", {}))
        for event_id, row in expected.items():
            self.assertEqual(found.get(event_id), row)
        self.assertEqual(self.site.status(f"https://{self.site.service}/whole")["children_num"], 7)
        self.site.must_rebuild_equal()


if __name__ == "__main__":
    unittest.main(verbosity=2)
