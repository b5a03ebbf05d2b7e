"""Synthetic lines of ULM as the original's dump files have them.

    ulm_lines.py SERVICE EVENTS > FILE      lives of grid jobs, 10 events each"""

import base64
import datetime
import hashlib
import sys

QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n"})
ALICE = "/DC=org/DC=example/CN=alice"
# Event, source, fields, and the counters (UI, NS, WM, JSS, LM, LRMS) after it.
LIFE = [
    ("RegJob", "UserInterface", {"JDL": '[ Executable = "/bin/echo"; ]', "NS": "ns.example.org:7443", "JOBTYPE": "SIMPLE"},
     (1, 0, 0, 0, 0, 0)),
    ("Transfer", "UserInterface", {"DESTINATION": "NetworkServer", "DEST_HOST": "ns", "JOB": "x", "RESULT": "OK"},
     (2, 0, 0, 0, 0, 0)),
    ("Accepted", "NetworkServer", {"FROM": "UserInterface", "FROM_HOST": "ui.example.org"}, (2, 1, 0, 0, 0, 0)),
    ("EnQueued", "NetworkServer", {"QUEUE": "q", "RESULT": "OK"}, (2, 2, 0, 0, 0, 0)),
    ("DeQueued", "WorkloadManager", {"QUEUE": "q"}, (2, 2, 1, 0, 0, 0)),
    ("Match", "WorkloadManager", {"DEST_ID": "ce.example.org:2119/queue"}, (2, 2, 2, 0, 0, 0)),
    ("Transfer", "LogMonitor", {"DESTINATION": "LRMS", "DEST_HOST": "ce", "JOB": "rsl", "RESULT": "OK"},
     (2, 2, 2, 1, 1, 0)),
    ("Running", "LRMS", {"NODE": "wn1.example.org"}, (2, 2, 2, 1, 1, 1)),
    ("UserTag", "Application", {"NAME": "progress", "VALUE": "50 %"}, (2, 2, 2, 1, 1, 2)),
    ("Done", "LogMonitor", {"STATUS_CODE": "OK", "EXIT_CODE": "0"}, (2, 2, 2, 1, 2, 2)),
]


def seqcode(ui, ns, wm, jss, lm, lrms):
    return (f"UI={ui:06}:NS={ns:010}:WM={wm:06}:BH={0:010}:JSS={jss:06}:LM={lm:06}:LRMS={lrms:06}"
            f":APP={0:06}:LBS={0:06}")


def time_text(second, microsecond=0):
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    day, hour = divmod(hour, 24)
    return f"201201{day % 28 + 1:02}{hour:02}{minute:02}{second:02}.{microsecond:06}"


def line(process, event, source, second, code="", fields=None, user=ALICE, arrived=None,
         host="host.example.org", microsecond=0):
    text = f"DG.ARRIVED={time_text(arrived)} " if arrived is not None else ""
    text += (f'DATE={time_text(second, microsecond)} HOST="{host}" PROG=edg-wms LVL=SYSTEM DG.PRIORITY=0 '
             f'DG.SOURCE="{source}" DG.SRC_INSTANCE="" DG.EVNT="{event}" DG.JOBID="{process}" '
             f'DG.SEQCODE="{code}" DG.USER="{user.translate(QUOTED)}"')
    for name, value in (fields or {}).items():
        text += f' DG.{event.upper()}.{name}="{value.translate(QUOTED)}"'
    return text + "\n"


def process_of(case, role, service):
    """The process of a role of tests/fixtures/cases (README.md there), as one of this service."""
    listed = case["jobs"].get(role, "").split("/", 3)[-1]
    unlisted = hashlib.md5(f"{case.get('permutation_of', case['name'])}/{role}".encode()).digest()
    return f"https://{service}/" + (listed or base64.urlsafe_b64encode(unlisted).decode()[:22].replace("-", "x"))


def line_of(case, event, service):
    """The line of an event of such a case."""
    def text_of(value):
        if str(value).startswith("@"):
            return process_of(case, value[1:], service)
        return str(value).lower() if isinstance(value, bool) else str(value)

    time = datetime.datetime(2012, 1, 1) + datetime.timedelta(seconds=event["t"])
    envelope = {"DG.SOURCE": event["source"], "DG.SRC_INSTANCE": event.get("instance", ""), "DG.EVNT": event["type"],
                "DG.JOBID": process_of(case, event.get("job", "main"), service),
                "DG.SEQCODE": event.get("seqcode", ""), "DG.USER": event.get("user", ALICE)}
    fields = {f"DG.{event['type'].upper()}.{name.upper()}": text_of(value) for name, value in event["fields"].items()}
    text = f'DATE={time:%Y%m%d%H%M%S.%f} HOST="{event["host"]}" PROG=edg-wms LVL=SYSTEM DG.PRIORITY=0'
    for name, value in {**envelope, **fields}.items():
        text += f' {name}="{value.translate(QUOTED)}"'
    return text + "\n"


def lives(service, events):
    """So many lines, jobs one after the other, as purge dumps have them."""
    for number in range(events):
        job, step = divmod(number, len(LIFE))
        event, source, fields, counters = LIFE[step]
        second = job % 1_000_000 + step
        yield line(f"https://{service}/job{job:08}", event, source, second, seqcode(*counters), fields, arrived=second)


if __name__ == "__main__":
    sys.stdout.writelines(lives(sys.argv[1], int(sys.argv[2])))
