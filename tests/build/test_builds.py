"""What make does: with whose flags, into which places, of which bytes, and what it leaves alone.

With DMS_BUILDS=all ("make test-builds") the whole module is built, too, from a tarball, by a user who has no network."""

import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
MODULE = pathlib.Path(os.environ.get("DMS_MODULE", REPO / "build/mod_dav_multistatus.so")).resolve()
VERSION = re.search(r'^#define DMS_VERSION "(.*)"$', (REPO / "src/mod_dav_multistatus.h").read_text(), re.M)[1]
NAME = f"mod_dav_multistatus-{VERSION}"
IS_ROOT = os.geteuid() == 0
whole = pytest.mark.skipif(os.environ.get("DMS_BUILDS") != "all", reason="whole builds: make test-builds")
in_git = pytest.mark.skipif(not (REPO / ".git").exists() or not shutil.which("git")
                            or bool(subprocess.run(["git", "log", "-1"], cwd=REPO, capture_output=True).returncode),
                            reason="this is no clone of git, or somebody else's")

# Not those of a make that runs this, and no flags that anybody has set.
ENV = {name: value for name, value in os.environ.items()
       if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CFLAGS", "CPPFLAGS", "LDFLAGS", "CC")}


def make(*args, cwd=REPO, env=ENV, before=()):
    done = subprocess.run([*before, "make", *args], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.replace("\\\n", " ")


def command(text, *words):
    return next(line for line in text.splitlines() if all(word in line for word in words))


# --- flags ---


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_the_callers_flags_are_added_to_ours(tmp_path, way):
    given = {"CPPFLAGS": "-DSOMEBODYS=1", "CFLAGS": "-Os", "LDFLAGS": "-Wl,--hash-style=gnu"}
    args = [f"{name}={value}" for name, value in given.items()] if way == "argument" else []
    said = make("-n", "V=1", "PACKAGES=no", f"B={tmp_path}", *args, env=ENV | given if way == "environment" else ENV)
    compiled, linked = command(said, " -c ", "keys.c").split(), command(said, " -shared ").split()
    assert {"-DSOMEBODYS=1", "-Os", "-fPIC", "-fvisibility=hidden", "-std=gnu99", "-D_FILE_OFFSET_BITS=64"} <= set(compiled)
    assert compiled.index("-Os") > compiled.index("-O2")  # the last one counts
    assert {"-Wl,--hash-style=gnu", "-Os", "-lexpat"} <= set(linked)


def test_the_callers_fortification_takes_the_place_of_httpds(tmp_path):
    said = make("-n", "V=1", "PACKAGES=no", f"B={tmp_path}", "CPPFLAGS=-D_FORTIFY_SOURCE=3")
    assert re.findall(r"-D_FORTIFY_SOURCE=\d", command(said, " -c ", "keys.c")) == ["-D_FORTIFY_SOURCE=3"]


def test_what_apxs_glues_together_is_taken_apart(tmp_path):
    """httpd of the default layout has no blank at the end of its flags, as Debian's has."""
    apxs = tmp_path / "apxs"
    apxs.write_text('#!/bin/sh\ncase "$2-$#" in\nCFLAGS-5) echo "-DONE;;-DTWO;;-DTHREE;;" ;;\n*) exec apxs "$@" ;;\nesac\n')
    apxs.chmod(0o755)
    said = make("-n", "V=1", "PACKAGES=no", f"B={tmp_path}", f"APXS={apxs}")
    assert {"-DONE", "-DTWO", "-DTHREE"} <= set(command(said, " -c ", "keys.c").split())


# --- bytes ---


def test_objects_do_not_tell_where_they_were_made(tmp_path):
    names = ["src/keys/keys.o", "src/config/config.o"]  # one is told of a folder, and logs its own name
    made = []
    for place in (tmp_path / "here", tmp_path / "some/where/else"):
        for name in ("src", "tools", "tests/fuzz"):
            shutil.copytree(REPO / name, place / name)
        shutil.copy(REPO / "Makefile", place)
        make("PACKAGES=no", "CFLAGS=-g", *(f"build/{name}" for name in names), cwd=place)
        made.append([(place / "build" / name).read_bytes() for name in names])
    assert made[0] == made[1]
    assert str(tmp_path).encode() not in b"".join(made[0])


def test_nothing_is_of_the_day_on_which_it_is_built():
    sources = [*REPO.glob("*.c"), *REPO.glob("src/**/*.[ch]")]
    assert not [source for source in sources if re.search(r"__(DATE|TIME|TIMESTAMP)__", source.read_text())]


# --- what is installed, and nothing else ---


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


@pytest.fixture
def installed(tmp_path):
    """A DESTDIR that make install has filled with the module under test."""
    make("PACKAGES=no", "-o", str(MODULE), f"B={MODULE.parent}", f"DESTDIR={tmp_path}", "install")
    return tmp_path


def uninstall(root):
    make("PACKAGES=no", "-o", str(MODULE), f"B={MODULE.parent}", f"DESTDIR={root}", "uninstall")


def test_what_is_installed_is_found_by_name_and_goes_again(installed):
    names = {pathlib.PurePath(name).name for name in files(installed)}
    assert {"mod_dav_multistatus.so", "mod_dav_multistatus.h", "mod_dav_multistatus.pc"} <= names
    assert ("mod_dav_multistatus.html" in names) == bool(shutil.which("xsltproc"))
    assert {path.name for path in (REPO / "docs").glob("*.md")} <= names
    texts = "".join(path.read_text() for path in installed.rglob("*.*") if path.suffix in (".pc", ".load", ".conf"))
    assert not re.search(r"@\w+@", texts) and str(installed) not in texts
    uninstall(installed)
    assert files(installed) == []


def test_an_administrators_configuration_stays(installed):
    found = list(installed.rglob("dav_multistatus.conf"))
    if not found:
        pytest.skip("this httpd has no mods-available")
    found[0].write_text("# mine\n")
    make("PACKAGES=no", "-o", str(MODULE), f"B={MODULE.parent}", f"DESTDIR={installed}", "install")
    uninstall(installed)
    assert found[0].read_text() == "# mine\n"


def test_another_module_compiles_with_what_pkg_config_says(installed):
    if not shutil.which("pkg-config"):
        pytest.skip("no pkg-config")
    pc = next(installed.rglob("mod_dav_multistatus.pc"))

    def ask(*args):
        env = ENV | {"PKG_CONFIG_PATH": str(pc.parent)}
        return subprocess.run(["pkg-config", *args, "mod_dav_multistatus"], env=env, capture_output=True, text=True,
                              check=True).stdout.split()

    assert ask("--modversion") == [VERSION]
    flags = [flag.replace("-I", f"-I{installed}", 1) for flag in ask("--cflags") if "apache2" in flag or "httpd" in flag]
    subprocess.run(["cc", "-fsyntax-only", *flags, *ask("--cflags"), REPO / "examples/mod_dav_check.c"], check=True)


# --- what is asked for ---


@pytest.fixture
def stubs():
    """A folder of commands that note how they were called. Anybody can reach it, which pytest's are not for."""
    with tempfile.TemporaryDirectory(prefix="dms-builds-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o777)
        for name in ("apt-get", "sudo"):
            (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{folder}/called"\n')
            (folder / name).chmod(0o755)
        # All packages that anybody names can be had.
        (folder / "apt-cache").write_text('#!/bin/sh\nshift\nfor name; do echo "$name | 1 | x"; done\n')
        (folder / "apt-cache").chmod(0o755)
        yield folder


def ask_for(stubs, *words, rights=True):
    """(status, what it said, what it called); as somebody who may not install, if so asked."""
    before = [] if rights or not IS_ROOT else ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    script = (REPO / "tools/install-packages.sh").read_text()
    done = subprocess.run([*before, "/bin/sh", "-c", script, "sh", *words], capture_output=True, text=True, cwd="/",
                          env=ENV | {"PATH": f"{stubs}:/usr/sbin:/usr/bin:/sbin:/bin" if rights else str(stubs)})
    called = stubs / "called"
    return done.returncode, done.stdout + done.stderr, called.read_text() if called.exists() else ""


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="no apt")
def test_what_is_there_is_not_asked_for_whoever_brought_it(stubs):
    (stubs / "own-apxs").write_text("")
    (stubs / "own-apxs").chmod(0o755)
    assert ask_for(stubs, "no-such-package:own-apxs", "nor-this:stdio.h", f"nor-that:{stubs}/own-apxs", "--") == (0, "", "")


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="no apt")
def test_apt_alone_installs_and_no_server_begins(stubs):
    status, _, called = ask_for(stubs, "dms-needed", "--", "dms-wanted")
    assert status == 0 and called.rstrip().endswith("install dms-needed dms-wanted")
    assert re.search(r"DPkg::Path=\S+/no-services:/usr/sbin", called)
    assert {"invoke-rc.d", "deb-systemd-invoke", "deb-systemd-helper", "update-rc.d"} == {
        path.name for path in (REPO / "tools/no-services").iterdir() if os.access(path, os.X_OK)}
    assert "/usr/sbin/policy-rc.d" not in (REPO / "tools/install-packages.sh").read_text()


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="no apt")
def test_who_may_not_install_is_told_what_is_missing(stubs):
    (stubs / "sudo").unlink()
    for name in ("id", "find", "head", "sort", "awk", "dpkg-query", "cc"):
        (stubs / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))
    status, said, called = ask_for(stubs, "stdio:stdio.h", "--", "dms-wanted", rights=False)
    assert status == 0 and "Going on" in said and "dms-wanted" in said and not called
    status, said, called = ask_for(stubs, "dms-needed", "--", "dms-wanted", rights=False)
    assert status == 1 and "dms-needed" in said and "Going on" not in said and "PACKAGES=no" in said and not called


def test_what_the_build_can_do_without_is_not_needed():
    asked = command(make("-n", "packages"), "install-packages.sh").split()
    assert asked.index("libutf8proc-dev:utf8proc.h") > asked.index("--") > asked.index("libexpat1-dev:expat.h")


# --- what is given to others ---


@in_git
def test_the_tarball_has_all_that_is_committed(tmp_path):
    make(f"DIST_DIR={tmp_path}", "dist")
    with tarfile.open(tmp_path / f"{NAME}.tar.gz") as tar:
        names = {member.name for member in tar if not member.isdir()}
    committed = subprocess.run(["git", "ls-tree", "-r", "--name-only", "HEAD"], cwd=REPO, capture_output=True, text=True,
                               check=True).stdout.split("\n")
    assert names == {f"{NAME}/{name}" for name in committed if name}


def somebody(command):
    """A command as a user with no rights, in a network of its own, where this may be arranged."""
    return (["unshare", "--net", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if IS_ROOT else []) + command


@whole
@in_git
def test_a_user_without_network_builds_the_same_bytes_in_two_places():
    with tempfile.TemporaryDirectory(prefix="dms-builds-") as name:
        root = pathlib.Path(name)
        make(f"DIST_DIR={root}", "dist")
        made = []
        for place in (root / "one", root / "number/two"):
            place.mkdir(parents=True)
            with tarfile.open(root / f"{NAME}.tar.gz") as tar:
                tar.extractall(place)
            if IS_ROOT:
                subprocess.run(["chown", "-R", "65534:65534", root], check=True)
                root.chmod(0o755)
            env = ENV | {"HOME": "/nonexistent", "SOURCE_DATE_EPOCH": str(len(made))}
            make("-j2", cwd=place / NAME, env=env, before=somebody([]))
            make(f"DESTDIR={place}/destdir", "install", cwd=place / NAME, env=env, before=somebody([]))
            made.append({name: (place / "destdir" / name).read_bytes() for name in files(place / "destdir")})
        assert made[0].keys() == made[1].keys() and made[0] == made[1]
        assert str(root).encode() not in b"".join(made[0].values())


@whole
@in_git
@pytest.mark.skipif(not shutil.which("rpmbuild"), reason="no rpmbuild")
def test_the_tarball_is_an_rpm_too(tmp_path):
    """As far as Debian can: without the packages of Fedora's names, and with files that Fedora's httpd has no place for."""
    make(f"DIST_DIR={tmp_path}", "dist")
    said = subprocess.run(["rpmbuild", "-tb", "--nodeps", "--nocheck", "--define", f"_topdir {tmp_path}", "--define",
                           "_localstatedir /var", "--define", "_unpackaged_files_terminate_build 0", f"{NAME}.tar.gz"],
                          cwd=tmp_path, env=ENV, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr[-3000:]
    listed = subprocess.run(["rpm", "-qlp", *tmp_path.glob("RPMS/*/*.rpm")], capture_output=True, text=True, check=True).stdout
    for name in ("mod_dav_multistatus.so", "mod_dav_multistatus.h", "mod_dav_multistatus.pc", "10-dav_multistatus.conf",
                 "/var/lib/mod_dav_multistatus"):
        assert name + "\n" in listed
