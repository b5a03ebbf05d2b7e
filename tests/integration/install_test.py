"""What `cmake --install` puts somewhere is whole: programs start, units and pages are there, the
configuration is right."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from site_harness import run

BUILD = pathlib.Path(os.environ["LB_BINARY_DIR"])


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="lb-install-"))
        run("cmake", "--install", BUILD, "--prefix", "/usr", environment={**os.environ, "DESTDIR": str(cls.root)})

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root)

    def test_programs_start(self):
        for path in ("usr/sbin/lb-logd", "usr/sbin/lb-interlogd", "usr/sbin/lb-bkserver", "usr/bin/lbctl",
                     "usr/bin/lb-logevent"):
            self.assertIn("lb", run(self.root / path, "--version").stdout)
        self.assertEqual(run(self.root / "usr/libexec/lb/lb-hook-libvirt").stdout, "")

    def test_the_configuration_is_right(self):
        for name in ("logd", "interlogd", "bkserver"):
            config = self.root / f"etc/lb/{name}.toml"
            done = run(self.root / f"usr/sbin/lb-{name}", "--config", config, "--check-config")
            self.assertIn("right", done.stdout)

    def test_what_belongs_to_it_is_there(self):
        for path in ("usr/lib/systemd/system/lb-logd.service", "usr/lib/systemd/system/lb-interlogd.service",
                     "usr/lib/systemd/system/lb-bkserver.service", "usr/lib/sysusers.d/lb.conf",
                     "usr/lib/tmpfiles.d/lb.conf", "usr/share/man/man1/lbctl.1", "usr/share/man/man8/lb-logd.8",
                     "usr/share/bash-completion/completions/lbctl", "usr/include/lb/client.h"):
            self.assertTrue((self.root / path).is_file(), path)
        unit = (self.root / "usr/lib/systemd/system/lb-logd.service").read_text()
        self.assertIn("ExecStart=/usr/", unit)

    def test_completion_completes(self):
        script = (f"source {self.root}/usr/share/bash-completion/completions/lbctl; COMP_WORDS=(lbctl spool ''); "
                  "COMP_CWORD=2; _lbctl; echo ${COMPREPLY[@]}")
        words = subprocess.run(["bash", "-c", script], capture_output=True, text=True).stdout.split()
        self.assertIn("retry", words)

    def test_a_c_program_logs_through_the_library(self):
        compiler = shutil.which("cc")
        if compiler is None:
            self.skipTest("there is no C compiler")
        library = next(self.root.glob("usr/lib/**/liblb.so"))
        source = self.root / "client.c"
        source.write_text('#include <lb/client.h>\n#include <stdio.h>\nint main(void) { lb_context* c = '
                          'lb_context_new(); puts(c != NULL ? "made" : ""); lb_context_free(c); return 0; }\n')
        program = self.root / "client"
        run(compiler, "-std=c11", "-Wall", "-Werror", "-pedantic", f"-I{self.root}/usr/include", source, "-o", program,
            f"-L{library.parent}", "-llb")
        done = run(program, environment={**os.environ, "LD_LIBRARY_PATH": str(library.parent)})
        self.assertTrue(done.stdout.strip())


if __name__ == "__main__":
    unittest.main(verbosity=2)
