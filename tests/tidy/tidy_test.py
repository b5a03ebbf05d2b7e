"""The rules of the tree that no compiler knows: arrows between folders, sizes, words, format."""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ.get("LB_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
ROOMS = ("proto", "common", "logd", "interlogd", "bkserver")
TOP = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "bkserver", "common", "interlogd", "logd",
       "packaging", "proto", "tests"}
LINES_MAX = 800
COLUMNS_MAX = 100
LEFT_OPEN = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|(?i:not imple" r"mented|for no" r"w,)")


def tracked(*endings):
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        names = [str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if "build" not in path.parts]
    return [name for name in names if not endings or name.endswith(endings)]


def read_arrows():
    arrows = {}
    for line in (SOURCE / "tests/tidy/deps.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            folder, _, allowed = line.partition(":")
            arrows[folder] = set(allowed.split())
    return arrows


def folder_of(path, arrows):
    """The longest folder of deps.txt that holds this path."""
    path = "proto/" + path if path.startswith("lb/v1/") else path
    fitting = [folder for folder in arrows if path.startswith(folder + "/")]
    return max(fitting, key=len, default=None)


def included_from(names):
    """What these files of ours include, and what that includes, and so on."""
    found, waiting = set(), list(names)
    while waiting:
        path = SOURCE / waiting.pop()
        for other in re.findall(r'^#include "(.+?)"', path.read_text(), re.M) if path.exists() else ():
            if other not in found:
                found.add(other)
                waiting.append(other)
    return sorted(found)


class Tidy(unittest.TestCase):
    def test_every_include_follows_an_arrow(self):
        arrows = read_arrows()
        wrong = []
        for name in tracked(".cc", ".h", ".c"):
            if not name.startswith(ROOMS):
                continue
            own = folder_of(name, arrows)
            self.assertIsNotNone(own, f"{name}: its folder is not in deps.txt")
            for included in re.findall(r'^#include "(.+?)"', (SOURCE / name).read_text(), re.M):
                other = folder_of(included, arrows)
                if other is None and included in ("lb/client.h", "lb/consumer.h"):
                    continue
                if other != own and other not in arrows[own]:
                    wrong.append(f"{name} includes {included}")
        self.assertEqual(wrong, [])

    def test_every_arrow_is_used(self):
        arrows = read_arrows()
        used = collections.defaultdict(set)
        for name in tracked(".cc", ".h"):
            if name.startswith(ROOMS):
                for included in re.findall(r'^#include "(.+?)"', (SOURCE / name).read_text(), re.M):
                    used[folder_of(name, arrows)].add(folder_of(included, arrows))
        unused = [f"{folder} -> {other}" for folder, allowed in arrows.items() for other in allowed - used[folder]]
        self.assertEqual(sorted(unused), [])

    def test_there_are_no_circles(self):
        arrows = read_arrows()
        done = set()

        def visit(folder, path):
            self.assertNotIn(folder, path, f"a circle: {' -> '.join(path)}")
            if folder not in done:
                for other in arrows.get(folder, ()):
                    visit(other, path + [folder])
                done.add(folder)
        for folder in arrows:
            visit(folder, [])

    def test_lbctl_asks_as_any_other_consumer_does(self):
        """What the library of consumers offers, lbctl takes from its C functions and nowhere else."""
        below = re.compile("bkserver/client/consumer.h|common/net/client.h|lb/v1/")
        for command in ("asking", "query_commands", "search_commands", "find_command", "tree_command"):
            start = [f"bkserver/cli/{command}.h", f"bkserver/cli/{command}.cc"]
            included = included_from(start)
            self.assertIn("lb/consumer.h", included)
            self.assertEqual([name for name in included if below.match(name)], [], command)
        asks = re.compile(r"mutable_(status|why|history|query|changes|list)\(")
        others = [name for name in tracked(".cc", ".h") if name.startswith("bkserver/cli/")
                  and asks.search((SOURCE / name).read_text())]
        self.assertEqual(others, [])

    def test_the_top_level_is_fixed(self):
        found = {name.split("/")[0] for name in tracked()}
        self.assertEqual({name for name in found if not name.startswith(".")} - TOP, set())

    def test_files_are_short_enough(self):
        long = []
        for name in tracked(".cc", ".h", ".c", ".py", ".java"):
            lines = (SOURCE / name).read_text().splitlines()
            if len(lines) > LINES_MAX:
                long.append(f"{name}: {len(lines)} lines")
        self.assertEqual(long, [])

    def test_nothing_is_left_open(self):
        open_ends = []
        for name in tracked(".cc", ".h", ".c", ".py", ".proto", ".java"):
            for number, line in enumerate((SOURCE / name).read_text().splitlines(), 1):
                if LEFT_OPEN.search(line) and not name.endswith("tidy_test.py"):
                    open_ends.append(f"{name}:{number}: {line.strip()}")
        self.assertEqual(open_ends, [])

    def test_every_header_is_guarded(self):
        bare = [name for name in tracked(".h") if name.startswith(ROOMS) and "/include/lb/" not in name
                and "#pragma once" not in (SOURCE / name).read_text()]
        self.assertEqual(bare, [])

    def test_format(self):
        program = shutil.which("clang-format-14")
        if program is None:
            self.skipTest("clang-format-14 is not installed")
        files = [str(SOURCE / name) for name in tracked(".cc", ".h") if "/generated" not in name]
        done = subprocess.run([program, "--dry-run", "--Werror", *files], capture_output=True, text=True)
        self.assertEqual(done.stderr[:2000], "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
