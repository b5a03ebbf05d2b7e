"""The captured calls of libvirt's hook (tests/fixtures/libvirt_hook_calls)."""

import dataclasses
import pathlib
import re

from site_harness import SOURCE


@dataclasses.dataclass
class HookCall:
    number: str
    arguments: list
    xml: str

    @property
    def uuid(self):
        return re.search(r"<uuid>(.*?)</uuid>", self.xml).group(1)


def read_calls(folder, first="000", last="999"):
    """Calls of a folder with numbers from first to last, in their order."""
    calls = []
    for path in sorted((pathlib.Path(SOURCE) / "tests/fixtures/libvirt_hook_calls" / folder).glob("*.args")):
        number = path.name[:3]
        if not first <= number <= last:
            continue
        words = dict(re.findall(r"^(arg\d)=(.*)$", path.read_text(), re.M))
        calls.append(HookCall(number, [words[f"arg{i}"] for i in range(1, 5)],
                              path.with_suffix(".stdin.xml").read_text()))
    return calls
