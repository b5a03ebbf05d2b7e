"""Values reach the database as parameters of prepared statements, never as text inside a statement."""

import os
import pathlib
import re
import unittest

SOURCE = pathlib.Path(os.environ.get("LB_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
STORE = SOURCE / "bkserver/store"
# The texts that run without being prepared: begin, commit, and the migrations that are compiled in.
WHOLE = re.compile(r'\.run\(\s*("[A-Z ]+"|kCreateMeta|statement\.substr\(0, statement\.size\(\) - 2\)'
                   r'|"CREATE DATABASE IF NOT EXISTS `" \+ name)')
# A value made into text beside words of SQL: a statement glued together.
GLUED = re.compile(r'"[^"\n]*\b(SELECT|INSERT|UPDATE|DELETE|WHERE|VALUES|SET|LIMIT|IN)\b[^"\n]*"\s*\+\s*'
                   r'(std::to_string|fmt::format|std::string\([a-z_]+\)|to_hex|quoted?\()')


def sources(folder):
    return [path for path in sorted(folder.rglob("*")) if path.suffix in (".cc", ".h")]


class PreparedOnly(unittest.TestCase):
    def test_one_place_speaks_to_the_server_in_text(self):
        found = [path.name for path in sources(STORE) for _ in re.findall(r"\bmysql_(?:real_)?query\s*\(", path.read_text())]
        self.assertEqual(found, ["connection.cc"])

    def test_what_runs_unprepared_is_known(self):
        wrong = []
        for path in sources(STORE):
            text = path.read_text()
            for call in re.finditer(r"connection_?(?:\.|->)run\(", text):
                if not WHOLE.match(text, call.start() + text[call.start():].index(".run(")):
                    wrong.append(f"{path.name}: {text[call.start():call.start() + 80]}")
        self.assertEqual(wrong, [])

    def test_nothing_is_quoted_or_glued(self):
        for path in sources(STORE):
            text = path.read_text()
            self.assertNotRegex(text, r"escape_string|mysql_hex_string", path.name)
            self.assertIsNone(GLUED.search(text), f"{path.name}: {GLUED.search(text)}")

    def test_sql_is_in_the_store_alone(self):
        words = re.compile(r'"\s*(SELECT |INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|ALTER TABLE)')
        for room in ("common", "logd", "interlogd", "bkserver"):
            for path in sources(SOURCE / room):
                if STORE not in path.parents and "build" not in path.parts:
                    self.assertIsNone(words.search(path.read_text()), path)

    def test_the_rules_catch_what_they_are_for(self):
        self.assertIsNone(WHOLE.match('.run("DELETE FROM event WHERE id = " + id)'))
        self.assertIsNotNone(GLUED.search('"SELECT 1 FROM x WHERE a = " + std::to_string(a)'))


if __name__ == "__main__":
    unittest.main(verbosity=2)
