"""GNOME's gvfs and KDE's KIO, each in a session bus of its own and without a screen. Their packages are large: `make desktops`
installs them, `make test` has these tests where they are there."""

import os
import pathlib

import pytest

import clients


@pytest.fixture
def server():
    with clients.running(conf=clients.WITHOUT_SLASH) as server:
        yield server


@pytest.fixture
def session(tmp_path):
    """Runs lines of a shell; each must go well. Returns what they say on stdout."""
    (tmp_path / "local/sub é").mkdir(parents=True)
    (tmp_path / "local/sub é/ü b.txt").write_text("deep")
    (tmp_path / "local/a.txt").write_text("hello")
    (tmp_path / "local/.config").mkdir()  # without cookies, KIO starts nobody who stays to keep them
    (tmp_path / "local/.config/kcookiejarrc").write_text("[Cookie Policy]\nCookies=false\n")

    def run(*lines):
        runtime = clients.harness.new_dir("dms-run-")  # its sockets' names have to be short
        runtime.chmod(0o700)
        try:
            return clients.run("env", f"XDG_RUNTIME_DIR={runtime}", "QT_QPA_PLATFORM=offscreen", "GVFS_DISABLE_FUSE=1",
                               "GIO_USE_VOLUME_MONITOR=unix", "dbus-run-session", "--", "sh", "-eux", cwd=tmp_path / "local",
                               stdin="\n".join(lines), both=False)
        finally:
            clients.shutil.rmtree(runtime, ignore_errors=True)
    return run


def refused(server):
    """What was answered with an error, but that nothing is there."""
    return [r for r in clients.requests(server) if r[2] >= 400 and r[2] != 404 and r[1].startswith("/dav")]


def test_gio(server, session):
    if not any(pathlib.Path(p, "gvfsd-dav").exists() for p in ("/usr/libexec", "/usr/lib/gvfs")):
        pytest.skip("gvfs is not installed (make desktops)")
    server.expect_log("AH01630")  # it asks the folders above, too
    url = f"dav://127.0.0.1:{server.port}/dav"
    told = session(
        f"gio mount {url}/",
        f"gio copy a.txt '{url}/a é.txt'", f"gio copy 'sub é/ü b.txt' '{url}/a é.txt'", f"gio cat '{url}/a é.txt'; echo",
        f"gio mkdir {url}/d", f"gio move '{url}/a é.txt' {url}/d/b.txt", f"gio copy {url}/d/b.txt {url}/d/c.txt",
        f"gio rename {url}/d/c.txt 'r n.txt'", f"echo saved | gio save {url}/d/b.txt", f"echo new | gio save --create {url}/d/n.txt",
        f"gio list -l {url}/d/", f"gio info -f {url}/", f"gio info {url}/d/b.txt", f"gio copy '{url}/d/r n.txt' back.txt",
        f"gio remove {url}/d/n.txt", f"gio mount -u {url}/")
    assert {"deep", "b.txt\t6\t(regular)", "n.txt\t4\t(regular)", "r n.txt\t4\t(regular)"} <= set(told.splitlines())
    facts = dict(line.strip().split(": ", 1) for line in told.splitlines() if ": " in line)
    disk = os.statvfs(server.data)
    assert abs(int(facts["filesystem::free"]) - disk.f_bavail * disk.f_frsize) < 1 << 30
    assert facts["standard::content-type"] == "text/plain" and facts["etag::value"].startswith('"')
    assert clients.tree(server.data) == {"d": None, "d/b.txt": b"saved\n", "d/r n.txt": b"deep"}
    assert not refused(server)


def test_kio(server, session, tmp_path):
    clients.needs("kioclient")
    url = f"webdav://127.0.0.1:{server.port}/dav"
    told = session(
        "k() { kioclient --noninteractive \"$@\"; }",
        f"k ls {url}/", f"k copy a.txt {url}/g.txt", f"k copy --overwrite 'sub é/ü b.txt' {url}/g.txt", f"k cat {url}/g.txt; echo",
        f"k copy 'sub é' {url}/d", f"k move {url}/g.txt '{url}/d/h é.txt'", f"k copy {url}/d {url}/e", f"k ls {url}/e/",
        f"k copy {url}/e $PWD/down", f"k stat {url}/e/", f"k remove {url}/e")
    assert {"deep", "ü b.txt", "h é.txt"} <= set(told.splitlines())
    assert clients.tree(server.data) == {"d": None, "d/h é.txt": b"deep", "d/ü b.txt": b"deep"}
    assert clients.tree(tmp_path / "local/down") == {"h é.txt": b"deep", "ü b.txt": b"deep"}
    assert not refused(server)
