"""What is installed is complete and works from where it is installed."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["LB_BINARY_DIR"])

PRODUCER = r"""
#include <lb/client.h>
#include <stdio.h>

int main(int argc, char** argv) {
    char id[LB_EVENT_ID_TEXT] = "";
    lb_context* context = lb_context_new();
    lb_event* event = lb_event_new("VMRunning");
    if (argc != 3 || context == NULL || event == NULL) return 2;
    lb_context_set(context, LB_OPTION_SOCKET, argv[1]);
    lb_context_set(context, LB_OPTION_DROP_DIR, argv[2]);
    lb_context_set(context, LB_OPTION_SOURCE, "VMManager");
    lb_event_set(event, "hostname", "host.example.org");
    const lb_outcome outcome = lb_log(context, "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000001", event, 0, id);
    printf("%s\n", id);
    lb_event_free(event);
    lb_context_free(context);
    return outcome == LB_DROPPED ? 0 : 1;
}
"""


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=100, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = pathlib.Path(tempfile.mkdtemp(prefix="lb-install-"))
        run("cmake", "--install", BUILD, env=dict(os.environ, DESTDIR=str(cls.base)))
        cache = (BUILD / "CMakeCache.txt").read_text()
        cls.prefix = cls.base / re.search(r"^CMAKE_INSTALL_PREFIX:PATH=/(.*)$", cache, re.M).group(1)
        cls.config = next(path.parent for path in cls.base.rglob("logd.toml"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.base)

    def found(self, name):
        paths = [path for path in self.base.rglob(name) if path.is_file() and path.parent.name != "completions"]
        self.assertTrue(paths, f"{name} is not installed")
        return paths[0]

    def test_every_program_is_installed_and_starts(self):
        for name in ("lb-logd", "lb-interlogd", "lb-bkserver", "lbctl", "lb-logevent", "lb-agent-guest", "lb-guest",
                     "lb-agent-opennebula"):
            self.assertIn(name, run(self.found(name), "--help"))
            self.assertRegex(run(self.found(name), "--version"), r"\d+\.\d+\.\d+")

    def test_pages_say_what_the_programs_say(self):
        self.assertIn("LBCTL REGISTER VM", self.found("lbctl.1").read_text())
        self.assertIn("check\\-config", self.found("lb-logd.8").read_text())

    def test_every_command_of_lbctl_is_in_its_page(self):
        page = self.found("lbctl.1").read_text()
        commands = re.findall(r'(?m)^ +"([a-z -]+)"\) words=', next(self.base.rglob("completions/lbctl")).read_text())
        self.assertIn("register cluster", commands)
        for command in commands:
            if not any(other.startswith(command + " ") for other in commands):
                heading = f'.SH "LBCTL {command.upper()}"'.replace("-", "\\-")
                self.assertTrue(heading in page, command)

    def test_completion_completes(self):
        completion = next(self.base.rglob("completions/lbctl"))
        script = f"source {completion}; COMP_WORDS=(lbctl spool ''); COMP_CWORD=2; _lbctl; echo ${{COMPREPLY[@]}}"
        self.assertIn("retry", run("bash", "-c", script).split())

    def test_completion_of_a_daemon_completes(self):
        completion = next(self.base.rglob("completions/lb-agent-opennebula"))
        agent = self.found("lb-agent-opennebula")
        script = f"source {completion}; COMP_WORDS=({agent} --r); COMP_CWORD=1; _lb_daemon; echo ${{COMPREPLY[@]}}"
        self.assertEqual(run("bash", "-c", script).split(), ["--runtime-dir", "--resync_seconds"])

    def test_the_hook_is_where_libvirt_looks(self):
        for driver in ("qemu", "libxl"):
            hook = next(self.base.rglob(f"libvirt/hooks/{driver}.d/50-lb"))
            self.assertTrue(os.access(hook, os.X_OK))
            self.assertEqual(run(hook, "guest", "started", "begin", "-", input="", env={
                "LB_SOCKET": f"{self.base}/none", "LB_DROP_DIR": f"{self.base}/none"}), "")

    def test_every_configuration_is_right_and_so_are_its_suggestions(self):
        auth = self.base / "one_auth"  # where OpenNebula is, it has made one
        auth.write_text("oneadmin:secret\n")
        for daemon in ("logd", "interlogd", "bkserver", "agent-opennebula"):
            path = self.config / f"{daemon}.toml"
            run(self.found(f"lb-{daemon}"), "--config", path, "--check-config",
                env=dict(os.environ, ONE_AUTH=str(auth)))
            suggested = re.sub(r"^#(?=\[|[a-z_]+ = )", "", path.read_text(), flags=re.M)
            self.assertNotEqual(suggested, "")
            whole = self.base / f"{daemon}-suggested.toml"
            whole.write_text(suggested)
            shown = run(self.found(f"lb-{daemon}"), "--config", whole, "--print-config")
            self.assertIn({"interlogd": "host.pem", "agent-opennebula": "cloud1"}.get(daemon, "example.org"), shown)

    def compiled(self, source, library, program):
        """A C program built as a stranger would, by what pkg-config says of `library`; its environment."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            self.skipTest("there is no C compiler")
        description = self.found(f"{library}.pc")
        flags = run("pkg-config", "--define-prefix", "--cflags", "--libs", library,
                    env=dict(os.environ, PKG_CONFIG_PATH=str(description.parent))).split()
        directory = self.found("liblb.so.0").parent
        run(compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", source,
            f"-I{self.found('client.h').parent.parent}", f"-L{directory}",
            *[flag for flag in flags if flag.startswith("-l")], "-o", program)
        return dict(os.environ, LD_LIBRARY_PATH=str(directory))

    def test_a_c_program_builds_with_pkg_config_and_logs(self):
        source = self.base / "producer.c"
        source.write_text(PRODUCER)
        program = self.base / "producer"
        environment = self.compiled(source, "lb-client", program)
        drop = self.base / "drop"
        drop.mkdir(mode=0o700)
        text = run(program, self.base / "no-socket", drop, env=environment)
        self.assertRegex(text, r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$")
        self.assertEqual(len(list(drop.iterdir())), 1)

    def test_the_example_of_the_consumer_builds_and_asks(self):
        program = self.base / "watch"
        environment = self.compiled(self.found("watch.c"), "lb-consumer", program)
        done = subprocess.run([program], capture_output=True, text=True, timeout=60,
                              env=dict(environment, LB_SERVER=f"{self.base}/no-socket"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"watch: listing: server {self.base}/no-socket", done.stderr)

    def test_the_libraries_show_their_c_names_only(self):
        for library, version in (("liblb.so.0", "LB"), ("liblb-consumer.so.0", "LB_CONSUMER")):
            names = run("nm", "-D", "--defined-only", self.found(library)).split("\n")
            ours = rf" T lb_\w+@@{version}_1\.\d$| A {version}_1\.\d$"
            self.assertEqual([line for line in names if line and not re.search(ours, line)], [])

    def test_every_function_of_a_header_has_a_version(self):
        for header, library in (("client.h", "liblb.so.0"), ("consumer.h", "liblb-consumer.so.0")):
            declared = set(re.findall(r"_API [\w *]*?\b(lb_\w+)\(", self.found(header).read_text()))
            defined = re.findall(r" T (lb_\w+)@@", run("nm", "-D", "--defined-only", self.found(library)))
            self.assertEqual(declared, set(defined))

    def test_who_only_logs_needs_libc_alone(self):
        needed = re.findall(r"NEEDED +(\S+)", run("objdump", "-p", self.found("liblb.so.0")))
        self.assertEqual([name for name in needed if not re.match(r"lib[cm]\.so|ld-linux", name)], [])

    def test_units_are_right(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")
        units = self.found("lb-logd.service").parent
        aside = self.base / "units"
        aside.mkdir()
        for unit in units.iterdir():
            text = unit.read_text()
            self.assertNotIn("@LB_", text)
            self.assertNotIn("@CMAKE_", text)
            program = re.search(r"^ExecStart=(\S+)", text, re.M)
            if program:
                installed = self.base / program.group(1).lstrip("/")
                self.assertTrue(os.access(installed, os.X_OK), installed)
                text = text.replace(program.group(1), str(installed))
            (aside / unit.name).write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *sorted(aside.iterdir())],
                              capture_output=True, text=True, timeout=60)
        ours = [line for line in done.stderr.splitlines() if "lb-" in line and "Failed to" not in line]
        self.assertEqual(ours, [])

    def test_users_and_directories_are_declared(self):
        declared = self.found("lb.conf").parent.parent
        root = self.base / "root"
        for directory in ("etc", "run", "var/spool"):
            (root / directory).mkdir(parents=True)
        if os.geteuid() != 0:
            self.skipTest("making users needs root")
        if shutil.which("systemd-sysusers") is None or shutil.which("systemd-tmpfiles") is None:
            self.skipTest("systemd's programs are not installed")
        run("systemd-sysusers", f"--root={root}", declared / "sysusers.d/lb.conf")
        users = (root / "etc/passwd").read_text()
        for user in ("lb", "lb-bkserver"):
            self.assertRegex(users, rf"(?m)^{user}:")
        self.assertRegex((root / "etc/group").read_text(), r"(?m)^lb:.*lb-bkserver")
        run("systemd-tmpfiles", "--create", f"--root={root}", declared / "tmpfiles.d/lb.conf")
        self.assertEqual((root / "var/spool/lb/drop").stat().st_mode & 0o7777, 0o1733)


if __name__ == "__main__":
    unittest.main(verbosity=2)
