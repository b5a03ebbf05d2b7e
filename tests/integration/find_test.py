"""lbctl find and tree: two machines that had the same name, address and host one after the other, by the hour."""

import datetime
import json
import unittest

from site_harness import HOST, SiteTest

NAME, IP, CARD = "web2", "192.0.2.9", "52:54:00:00:00:09"
FIRST, SECOND = (f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000{end}" for end in ("f1", "f2"))
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def at(hour):
    """Of the twelve hours that end now."""
    return (NOW - datetime.timedelta(hours=12 - hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def address(operation):
    return ("VMNetwork", "VMManager", "--operation", operation, "--ip", IP, "--mac", CARD, "--hostname", "web2.example.org")


LIVES = (
    (0, FIRST, "VMCreate", "CloudManager", "--name", NAME),
    (1, FIRST, "VMRunning", "VMManager", "--hostname", HOST),
    (2, FIRST, *address("ADD")),
    (4, FIRST, *address("REMOVE")),
    (6, FIRST, *address("ADD")),
    (8, FIRST, "VMDone", "CloudManager", "--status_code", "OK"),
    (9, SECOND, "VMCreate", "CloudManager", "--name", NAME),
    (9, SECOND, "VMRunning", "VMManager"),
    (10, SECOND, *address("ADD")),
)


class Find(SiteTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for hour, process, event, source, *fields in LIVES:
            cls.site.logevent("-t", at(hour), "-s", source, "-k", process, "-e", event, *fields)
        cls.site.wait_settled()
        cls.first, cls.second = (cls.site.status(key)["jobId"] for key in (FIRST, SECOND))

    def found(self, what, value, hour):
        done = self.site.run("lbctl", "--json", "find", what, value, "--at", at(hour), check=False)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(done.returncode, 0 if rows else 1, done.stderr)
        self.assertEqual(bool(rows), f"no process had the {what} {value} then" not in done.stderr, done.stderr)
        return rows

    def who(self, what, value, hour):
        return [row["jobId"] for row in self.found(what, value, hour)]

    def test_an_address_that_came_and_went_and_came_again(self):
        for what, value in (("ip", IP), ("mac", CARD)):
            for hour, expected in ((1, []), (3, [self.first]), (5, []), (7, [self.first]),
                                   (8.5, []), (9.5, []), (11, [self.second])):
                with self.subTest(what, hour=hour):
                    self.assertEqual(self.who(what, value, hour), expected)

    def test_an_address_and_a_host_however_they_are_written(self):
        self.assertEqual(self.who("mac", CARD.upper(), 3), [self.first])
        self.assertEqual(self.who("name", "web2.example.org", 3), [self.first])  # that came with the address
        self.assertEqual(self.who("name", "web2.example.org", 5), [])
        self.assertEqual(self.who("host", HOST + ".example.org", 7), [self.first])

    def test_a_name_that_another_machine_got_later(self):
        for hour, expected in ((-1, []), (0.5, [self.first]), (7, [self.first]), (8.5, []), (11, [self.second])):
            with self.subTest(hour=hour):
                self.assertEqual(self.who("name", NAME, hour), expected)

    def test_a_host(self):
        for hour, expected in ((0.5, []), (7, [self.first]), (8.5, []), (11, [self.second])):
            with self.subTest(hour=hour):
                self.assertEqual(self.who("host", HOST, hour), expected)

    def test_what_is_shown_is_of_that_time(self):
        row, = self.found("ip", IP, 3)
        self.assertEqual([row["state"], row["vm_state"], row["vm_name"]], ["Running", "running", NAME])
        self.assertTrue(row["from"].startswith(at(2)[:19]), row)
        carried, = self.found("host", HOST, 3)
        self.assertEqual([carried[end][:19] for end in ("from", "to")], [at(hour)[:19] for hour in (1, 8)])

    def test_the_tree_of_a_host_has_those_that_were_there_when_asked_for(self):
        def related(*options):
            return {(row["jobId"], row["relation"]) for row in self.site.lbctl("tree", HOST, *options) if row["depth"] == 1}
        self.assertEqual(related(), {(self.second, "carries")})
        self.assertEqual(related("--past"), {(self.second, "carries"), (self.first, "carried")})

    def test_ever(self):
        self.assertEqual({row["jobId"] for row in self.site.lbctl("find", "name", NAME)}, {self.first, self.second})
        self.assertEqual({row["jobId"] for row in self.site.lbctl("find", "ip", IP)}, {self.first, self.second})


if __name__ == "__main__":
    unittest.main(verbosity=2)
