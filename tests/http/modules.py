"""Modules that tests build with apxs, as anyone would: from one C file, the public header, and httpd's and APR's."""

import atexit
import functools
import os
import shutil
import subprocess

import harness

APXS = shutil.which("apxs") or shutil.which("apxs2")
EXAMPLES = harness.REPO / "examples"
OWN = harness.REPO / "tests/http/modules"
FLAGS = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers"]


@functools.cache
def build(source, *options):
    """The path of the module that a C file makes; options are more of the compiler's."""
    work = harness.new_dir("dms-apxs-")
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    shutil.copy(source, work)
    shutil.copy(harness.REPO / "src/mod_dav_multistatus.h", work)
    sanitizers = [name for name in os.environ.get("DMS_SANITIZE", "").split(",") if name]
    flags = FLAGS + [f"-fsanitize={name}" for name in sanitizers]
    # The other runtimes are preloaded (Makefile).
    libraries = ["-lubsan"] if "undefined" in sanitizers else []
    done = subprocess.run([APXS, "-c", "-I.", *["-Wc," + f for f in flags], *options, *libraries, source.name], cwd=work,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return work / ".libs" / (source.stem + ".so")


def load_line(source, name, *options):
    """The LoadModule line of a C file's module, which is called `name`_module."""
    return f'LoadModule {name}_module "{build(source, *options)}"\n'
