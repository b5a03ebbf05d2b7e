"""`lbctl spool replay`: what lb-interlogd set aside goes again to the server of a service that is reached by a route."""

import struct
import unittest

from site_harness import HOST, Site, free_port

RECORD_BYTES = 32  # of a record's header (common/spool/FORMAT.md)
EVENT = 1


def key_of(number):
    return f"libvirt-uuid:/6b1a2a9e-0000-4000-8000-{number:012d}"


def envelopes(segment):
    """Of the events in a segment."""
    data = segment.read_bytes()
    place = 64
    while data[place:place + 4] == b"LBRC":
        length, kind = struct.unpack_from("<II", data, place + 12)
        if kind == EVENT:
            yield data[place + RECORD_BYTES:place + RECORD_BYTES + length]
        place += RECORD_BYTES + -(-length // 8) * 8


class SpoolReplay(unittest.TestCase):
    def setUp(self):
        self.site = Site(service_port=free_port())
        route = f'routes = ["{self.site.service}=localhost:{self.site.port}"]\n'
        self.site.interlogd.config.write_text(route + self.site.interlogd.config.read_text())
        self.enterContext(self.site)
        self.spool = self.site.directory / "node/spool"

    def log(self, number):
        self.site.logevent("-s", "VMManager", "-k", key_of(number), "-e", "VMRunning", "--hostname", HOST)

    def set_last_event_aside(self):
        """As lb-interlogd does with an event that its server cannot settle; and once more for a service elsewhere."""
        lane = self.spool / self.site.service.replace(":", "_") / "bulk"
        segment = sorted(lane.glob("*.seg"))[-1]
        envelope = list(envelopes(segment))[-1]
        event_id = envelope[4:20].hex()  # behind the schema: envelope.proto
        segment.unlink()
        quarantine = self.spool / "quarantine"
        quarantine.mkdir(exist_ok=True)
        for service in (lane.parent.name, "elsewhere_9000"):
            (quarantine / f"event-{service}-{event_id}.reason").write_text("the server could not settle it\n")
            (quarantine / f"event-{service}-{event_id}.span").write_bytes(envelope)

    def replay(self):
        pki = self.site.pki
        return self.site.lbctl("spool", "replay", environment={
            "LB_SERVER": f"localhost:{self.site.port}", "LB_CA": f"{pki}/ca.pem", "LB_CERT": f"{pki}/{HOST}.pem",
            "LB_KEY": f"{pki}/{HOST}.key"})

    def test_an_event_set_aside_goes_again(self):
        self.log(1)
        self.site.wait_for(key_of(1), vm_state="running")
        self.site.interlogd.stop()
        self.log(2)
        self.site.logd.stop()
        self.set_last_event_aside()
        self.site.logd.start()
        self.site.interlogd.start()
        self.log(3)
        self.site.wait_for(key_of(3), vm_state="running")
        self.assertEqual(self.site.status(key_of(2)), {})
        self.assertEqual(self.replay(), [{"settled": 1, "refused": 0, "others": 1}])
        self.assertEqual(self.site.status(key_of(2))["vm_state"], "running")
        self.assertEqual(self.replay(), [{"settled": 0, "refused": 0, "others": 1}])
        self.assertEqual(sorted(path.suffix for path in (self.spool / "quarantine").iterdir()), [".reason", ".span"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
