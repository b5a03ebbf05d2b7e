"""--check-config finds what a start would find: options that cannot be understood or contradict each other, a
policy that is none."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BIN = Path(os.environ["LB_BINARY_DIR"]) / "bin"


def check(program, text):
    """Exit status and complaint of PROGRAM about a configuration file of TEXT."""
    with tempfile.TemporaryDirectory(prefix="lb-check-") as directory:
        policy = Path(directory) / "policy.toml"
        policy.write_text('[[rule]]\nname = "x"\nallow = ["emperor"]\nwho = ["*"]\n')
        config = Path(directory) / "config.toml"
        config.write_text(text.replace("POLICY", str(policy)))
        done = subprocess.run([BIN / program, "--config", config, "--check-config"], capture_output=True, text=True)
        return done.returncode, done.stderr


class CheckConfigTest(unittest.TestCase):
    def test_defaults_are_right(self):
        for program, text in (("lb-logd", ""), ("lb-interlogd", ""), ("lb-bkserver", ""), ("lb-agent-guest", ""),
                              ("lb-agent-libvirt", ""), ("lb-agent-opennebula", 'auth_file = "POLICY"')):
            self.assertEqual(check(program, text), (0, ""), program)

    def test_what_a_start_would_refuse_is_named(self):
        cases = (
            ("lb-logd", 'sources = ["nobody: Everything"]', "nobody"),
            ("lb-logd", 'socket_mode = "rw"', "socket_mode"),
            ("lb-logd", 'destinations = ["lb.example.org"]', "host:port"),
            ("lb-logd", "[spool]\nsegment_bytes_min = 1000000\nsegment_bytes_max = 100000", "segment_bytes_min"),
            ("lb-interlogd", 'routes = ["lb.example.org"]', "routes"),
            ("lb-bkserver", 'policy = "POLICY"', "emperor"),
            ("lb-bkserver", 'policy = "/nowhere/policy.toml"', "/nowhere/policy.toml"),
            ("lb-bkserver", 'database = "postgres://db"', "mariadb://"),
            ("lb-agent-guest", 'channel = "org/lb"', "channel"),
            ("lb-agent-libvirt", "backoff_first_ms = 2000\nbackoff_max_ms = 1000", "backoff_first_ms"),
            ("lb-agent-opennebula", 'auth_file = "POLICY"\nxmlrpc = "ftp://one"', "xmlrpc"),
            ("lb-agent-opennebula", 'auth_file = "POLICY"\nevents = "nowhere"', "nowhere"),
            ("lb-agent-opennebula", 'auth_file = "/nowhere/one_auth"', "/nowhere/one_auth"),
        )
        for program, text, word in cases:
            status, complaint = check(program, text)
            self.assertEqual(status, 78, (program, text, complaint))
            self.assertIn(word, complaint, (program, text))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
