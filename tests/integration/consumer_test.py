"""The consumer's C library as a program of another language uses it, beside what lbctl says; its example."""

import contextlib
import ctypes
import json
import signal
import subprocess
import unittest

from held_replies import HeldReplies
from site_harness import BIN, HOST, Site, run, wait_until

KEYS = [f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-0000000000c{number}" for number in range(3)]
READER = """
[[rule]]
name = "the reader reads"
allow = ["reader"]
who = ["certificate:/O=lb/CN=reader"]
"""
OK, RETRY, REJECT, DENIED, NOT_FOUND = 0, -1, -2, -3, -6
SERVER, CERTIFICATE, KEY, AUTHORITIES, SERVER_NAME, TIMEOUT_MS, SOFTWARE = range(1, 8)
CLASSADS, CHILDSTAT, EVENTS = 1, 4, 128
WAIT_HOOK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
WHAT, SORT, FIELDS, BY, LIMIT = range(1, 6)


# As in a C program: a connection that the server closed would end this one.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def library():
    lb = ctypes.CDLL(BIN.parent / "lib/liblb-consumer.so")
    for name in ("lb_consumer_new", "lb_query_new"):
        getattr(lb, name).restype = ctypes.c_void_p
    for name in ("lb_rows_next", "lb_rows_cursor", "lb_consumer_last_text"):
        getattr(lb, name).restype = ctypes.c_char_p
    lb.lb_rows_count.restype = ctypes.c_size_t
    return lb


def bytes_of(text):
    return None if text is None else text.encode()


class Consumer:
    def __init__(self, options):
        self.lb = library()
        self.handle = ctypes.c_void_p(self.lb.lb_consumer_new())
        for option, value in options.items():
            if self.lb.lb_consumer_set(self.handle, option, value.encode()) != OK:
                raise AssertionError(self.text())

    def close(self):
        self.lb.lb_consumer_free(self.handle)

    def text(self):
        return self.lb.lb_consumer_last_text().decode()

    def ask(self, function, *arguments):
        """Answer, rows, cursor."""
        rows = ctypes.c_void_p()
        answer = getattr(self.lb, function)(self.handle, *arguments, ctypes.byref(rows))
        found = []
        while (row := self.lb.lb_rows_next(rows)) is not None:
            found.append(json.loads(row))
        cursor = self.lb.lb_rows_cursor(rows).decode()
        assert self.lb.lb_rows_count(rows) == len(found)
        self.lb.lb_rows_free(rows)
        return answer, found, cursor

    def status(self, process, at_us=0):
        return self.ask("lb_consumer_status", process.encode(), ctypes.c_int64(at_us))

    def statuses(self, processes, extras=0, at_us=0, known_at_us=0):
        texts = (ctypes.c_char_p * len(processes))(*map(str.encode, processes))
        return self.ask("lb_consumer_statuses", texts, ctypes.c_size_t(len(processes)), extras, ctypes.c_int64(at_us),
                        ctypes.c_int64(known_at_us))

    def on_wait(self, hook):
        self.lb.lb_consumer_on_wait(self.handle, hook, None)

    def query(self, condition, options, cursor=None):
        query = ctypes.c_void_p(self.lb.lb_query_new(condition.encode()))
        answers = [self.lb.lb_query_set(query, option, value.encode()) for option, value in options.items()]
        assert all(answer == OK for answer in answers), self.text()
        result = self.ask("lb_consumer_query", query, bytes_of(cursor))
        self.lb.lb_query_free(query)
        return result

    def history(self, process, limit, cursor=None):
        return self.ask("lb_consumer_history", process.encode(), limit, bytes_of(cursor))

    def watch(self, condition, cursor, timeout_ms):
        return self.ask("lb_consumer_watch", condition.encode(), bytes_of(cursor), timeout_ms)


class ConsumerLibrary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = cls.enterClassContext(Site(policy=run(BIN / "lb-bkserver", "--print-policy").stdout + READER))
        cls.site.issue(user="reader")
        for key in KEYS:
            cls.site.lbctl("register", "vm", "--libvirt-uuid", key.split("/")[1])
            cls.log(key, "VMBoot")
            cls.log(key, "VMRunning")

    @classmethod
    def log(cls, key, event):
        cls.site.logevent("--sync", "--timeout", "10000", "-s", "VMManager", "-k", key, "-e", event, "--hostname", HOST)

    def consumer(self, **options):
        made = Consumer({SERVER: self.site.environment["LB_SERVER"], **options.get("options", {})})
        self.addCleanup(made.close)
        return made

    def over_tls(self, name="reader"):
        own = self.site.pki / name
        return self.consumer(options={
            SERVER: f"127.0.0.1:{self.site.port}", SERVER_NAME: "localhost", CERTIFICATE: f"{own}.pem",
            KEY: f"{own}.key", AUTHORITIES: str(self.site.authorities), TIMEOUT_MS: "10000"})

    def test_status_is_that_of_lbctl(self):
        for consumer in (self.consumer(), self.over_tls()):
            answer, rows, cursor = consumer.status(KEYS[0])
            self.assertEqual((answer, cursor), (OK, ""), consumer.text())
            self.assertEqual(rows[0]["vm_state"], "running")
        self.assertEqual(self.consumer().status(KEYS[0])[1], self.site.lbctl("status", KEYS[0]))
        why = self.consumer().ask("lb_consumer_why", KEYS[0].encode(), None)[1]
        by_lbctl = self.site.lbctl("why", KEYS[0])
        for piece in why[0]["evidence"] + by_lbctl[0]["evidence"]:
            del piece["age_s"]  # time goes on between the two
        self.assertEqual(why, by_lbctl)

    def test_statuses_of_many_have_what_is_asked_for(self):
        consumer = self.consumer()
        answer, rows, _ = consumer.statuses([KEYS[0], "nothing", KEYS[1]], extras=EVENTS)
        self.assertEqual(answer, OK, consumer.text())
        self.assertEqual(rows[0], self.site.lbctl("status", KEYS[0], "--with", "history")[0])
        self.assertEqual(rows[0]["history"], self.site.lbctl("history", KEYS[0]))
        self.assertEqual((rows[1]["process"], rows[1]["error"]), ("nothing", "not_found"))
        self.assertEqual(rows[2]["vm_state"], "running")
        self.assertEqual(consumer.statuses([KEYS[0]], extras=CLASSADS | CHILDSTAT)[:2], consumer.status(KEYS[0])[:2])
        self.assertEqual(consumer.statuses([KEYS[0]], known_at_us=1)[0], NOT_FOUND)
        self.assertEqual(consumer.statuses(KEYS, extras=2)[0], REJECT)

    def test_what_a_condition_may_name_is_told(self):
        names = {row["name"] for row in self.consumer().query("", {WHAT: "process-terms"})[1]}
        self.assertLessEqual({"state", "vm_state", "host"}, names)
        self.assertEqual(names, {row["name"] for row in self.site.lbctl("jobs", "--attributes")})
        self.assertIn("time", {row["name"] for row in self.consumer().query("", {WHAT: "event-terms"})[1]})

    def test_who_waits_hears_of_it_and_may_give_up(self):
        def released(_):
            waits.append(True)
            held.release()
            return 0
        waits = []
        with HeldReplies(self.site.environment["LB_SERVER"]) as held:
            consumer = self.consumer(options={SERVER: held.path, SOFTWARE: "test 1"})
            self.assertEqual(consumer.lb.lb_consumer_connect(consumer.handle), OK, consumer.text())
            hook = WAIT_HOOK(released)
            consumer.on_wait(hook)
            self.assertEqual(consumer.status(KEYS[0])[0], OK, consumer.text())
            self.assertEqual(waits, [True])
        with HeldReplies(self.site.environment["LB_SERVER"]) as held:
            consumer = self.consumer(options={SERVER: held.path})
            hook = WAIT_HOOK(lambda _: 1)
            consumer.on_wait(hook)
            self.assertEqual(consumer.status(KEYS[0])[:2], (RETRY, []))
            self.assertIn("was given up", consumer.text())

    def test_a_failure_says_why(self):
        consumer = self.consumer()
        self.assertEqual(consumer.status("nothing")[0], NOT_FOUND)
        self.assertIn("nothing", consumer.text())
        self.assertEqual(consumer.query("state=running and hots=a", {})[0], REJECT)
        self.assertIn("character 19: there is no attribute 'hots'", consumer.text())
        self.assertEqual(consumer.status(KEYS[0], at_us=1)[0], NOT_FOUND)
        stranger = self.over_tls(HOST)
        self.assertEqual(stranger.status(KEYS[0])[:2], (DENIED, []))
        self.assertIn("may not read", stranger.text())
        self.assertEqual(consumer.status(KEYS[0])[0], OK)

    def test_pages_have_each_process_once(self):
        consumer = self.consumer()
        ids, cursor = [], None
        while cursor != "":
            answer, rows, cursor = consumer.query("state=running", {FIELDS: "jobId,vm_state", LIMIT: "2"}, cursor)
            self.assertEqual(answer, OK, consumer.text())
            self.assertTrue(all(list(row) == ["jobId", "vm_state"] for row in rows))
            ids += [row["jobId"] for row in rows]
            if cursor:
                self.assertEqual(consumer.query("state=done", {}, cursor)[0], REJECT)
        self.assertEqual(ids, [row["jobId"] for row in self.site.lbctl("jobs", "state=running")])
        counted = consumer.query("type=virtual_machine", {WHAT: "process-count", BY: "host"})[1]
        self.assertEqual(counted, [{"host": HOST, "count": 3}])
        events = consumer.query("type=VMBoot", {WHAT: "events", SORT: "-time"})[1]
        self.assertEqual([row["type"] for row in events], ["VMBoot"] * 3)

    def test_history_goes_on_behind_its_cursor(self):
        consumer = self.consumer()
        events, cursor = [], None
        while cursor != "":
            answer, rows, cursor = consumer.history(KEYS[1], 1, cursor)
            self.assertEqual(answer, OK, consumer.text())
            events += rows
        self.assertEqual(events, self.site.lbctl("history", KEYS[1]))
        self.assertEqual(consumer.history(KEYS[1], 1, "no cursor")[0], REJECT)

    def test_the_server_may_be_restarted_between_questions(self):
        consumers = [self.consumer(), self.over_tls()]
        cursors = [consumer.watch("", None, 0)[2] for consumer in consumers]
        self.site.server.stop()
        for consumer in consumers:
            self.assertEqual(consumer.status(KEYS[0])[0], RETRY)
            self.assertIn("server ", consumer.text())
        self.site.server.start()
        self.log(KEYS[2], "VMStop")
        self.log(KEYS[2], "VMRunning")
        for consumer, cursor in zip(consumers, cursors):
            changes = []
            while len(changes) < 2:
                answer, rows, cursor = consumer.watch("state!=Purged", cursor, 20_000)
                self.assertEqual(answer, OK, consumer.text())
                self.assertNotEqual(rows, [])
                changes += rows
            self.assertEqual([row["vm_state"] for row in changes], ["stopped", "running"])
            self.assertEqual(consumer.watch("", cursor, 0)[:2], (OK, []))

    def test_the_example_lists_and_watches(self):
        watching = subprocess.Popen([BIN / "lb-example-watch", "type=virtual_machine", "1"], stdout=subprocess.PIPE,
                                    text=True, env=self.site.environment)
        with contextlib.closing(watching.stdout):
            listed = [json.loads(watching.stdout.readline())["jobId"] for _ in KEYS]
            self.assertEqual(listed, [row["jobId"] for row in self.site.lbctl("jobs")])
            # Its watch begins when it asks first.
            self.log(KEYS[0], "VMStop")
            turn = iter(range(100))
            wait_until(lambda: watching.poll() is not None or
                       self.log(KEYS[0], "VMRunning" if next(turn) % 2 == 0 else "VMStop"), "a change", 30)
            change = json.loads(watching.stdout.readline())
        self.assertIn(change["vm_state"], ("stopped", "running"))
        self.assertEqual(watching.wait(30), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
