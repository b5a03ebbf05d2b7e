"""The packages that packaging/package built."""

import os
import pathlib
import sys

SOURCE = pathlib.Path(os.environ["LB_SOURCE_DIR"])
OUT = SOURCE / "build/package/out"


def packages(kind):
    """Paths of the packages by name, without those of debug symbols."""
    if kind == "rpm":
        found = {path.name.rsplit("-", 2)[0]: path for path in OUT.glob("*.rpm")}
    else:
        found = {path.name.split("_")[0]: path for path in OUT.glob("*.deb")}
    return {name: path for name, path in found.items() if not name.endswith(("-debuginfo", "-debugsource", "-dbgsym"))}


def skip_without_packages(kind):
    if not packages(kind):
        print("skipped: packaging/package has not been run in this checkout")
        sys.exit(77)
