"""systemd's part when it stops a unit: what ExecStop says is run, beside a systemctl that knows the given jobs."""

import os
import re
import shlex
import subprocess

SYSTEMCTL = """#!/bin/sh
# Tells the jobs of one unit, as systemd's own does; of another question it knows nothing.
[ "$1 $2 $#" = "list-jobs --no-legend 3" ] || exit 1
grep -F " $3 " "$(dirname "$0")/jobs"
exit 0
"""


def command_of(unit, word):
    """The words that systemd makes of a line: what is no $$ is its own variable, and empty here."""
    line = re.search(rf"(?m)^{word}=(.*)$", unit)[1]
    return shlex.split(re.sub(r"\$(\$|\w+|\{\w+\})", lambda found: "$" if found[1] == "$" else "", line))


def stop_unit(unit, program, directory, *jobs, environment):
    """Stops the text `unit`, whose program is to be the one at `program`; `jobs`: those of systemd, as UNIT TYPE."""
    directory.mkdir(exist_ok=True)
    (directory / "jobs").write_text("".join(f"{number} {job} waiting\n" for number, job in enumerate(jobs, 101)))
    (directory / "systemctl").write_text(SYSTEMCTL)
    (directory / "systemctl").chmod(0o755)
    command = [re.sub(rf"\S+/{program.name}(?= )", str(program), word) for word in command_of(unit, "ExecStop")]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          env={**environment, "PATH": f"{directory}:{environment.get('PATH', os.environ['PATH'])}"})
