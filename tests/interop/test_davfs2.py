"""davfs2: the folder mounted as a file system, with locks."""

import ctypes
import os
import subprocess
import time

import pytest

import clients

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2

# buf_size: since Linux 6.16 davfs2 can't list folders with its default (alisarctl/davfs2 issue 22).
CONF = """\
use_locks 1
lock_timeout 300
delay_upload 0
ask_auth 0
buf_size 64
dir_refresh 1
file_refresh 1
"""


def why_no_fuse(folder):
    """None where FUSE can mount: tried without davfs2, so that a fault of davfs2 or of the server is no reason."""
    if os.geteuid() != 0:
        return "needs root to mount"
    try:
        fd = os.open("/dev/fuse", os.O_RDWR)
    except OSError as e:
        return f"/dev/fuse: {e.strerror}"
    try:
        options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
        if LIBC.mount(b"dms-test", os.fsencode(folder), b"fuse", 0, options):
            return "mounting FUSE: " + os.strerror(ctypes.get_errno())
        LIBC.umount2(os.fsencode(folder), MNT_DETACH)
    finally:
        os.close(fd)
    return None


@pytest.fixture(scope="module")
def server():
    with clients.running() as server:
        yield server


class Mount:
    def __init__(self, url, base):
        self.url, self.base, self.path = url, base, base / "mnt"
        (base / "davfs2.conf").write_text(CONF)
        (base / "secrets").write_text("")
        (base / "secrets").chmod(0o600)

    def __enter__(self):
        # mount waits for nothing; its daemon keeps the pipes open, so files take what it says.
        with open(self.base / "told", "w") as told:
            done = subprocess.run(
                ["mount", "-t", "davfs", "-o", f"conf={self.base}/davfs2.conf,uid=root",
                 self.url, str(self.path)], stdin=subprocess.DEVNULL, stdout=told, stderr=told, timeout=30)
        assert done.returncode == 0, (self.base / "told").read_text()
        return self.path

    def __exit__(self, *_):
        """Waits until all is uploaded."""
        done = subprocess.run(["umount", str(self.path)], capture_output=True, text=True, timeout=60)
        if os.path.ismount(self.path):
            LIBC.umount2(os.fsencode(self.path), MNT_DETACH)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def mount(server, tmp_path):
    clients.needs("mount.davfs")
    (tmp_path / "mnt").mkdir()
    reason = why_no_fuse(tmp_path / "mnt")
    if reason:
        pytest.skip(reason)
    for path in server.data.iterdir():
        clients.run("rm", "-rf", path, cwd=tmp_path)
    return Mount(clients.url(server), tmp_path)


def test_write_and_read_back(server, mount):
    big = os.urandom(2_000_000)
    with mount as path:
        (path / "a.txt").write_text("hello\n")
        (path / "sp ace é.txt").write_text("odd\n")
        (path / "d/e").mkdir(parents=True)
        (path / "d/e/big.bin").write_bytes(big)
        (path / "a.txt").open("a").write("more\n")
        assert (path / "a.txt").read_text() == "hello\nmore\n"
        assert sorted(p.name for p in path.iterdir() if p.name != "lost+found") == ["a.txt", "d", "sp ace é.txt"]
        (path / "moved.txt").write_text("x")
        (path / "moved.txt").rename(path / "d/moved.txt")
        (path / "gone.txt").write_text("x")
        (path / "gone.txt").unlink()
        (path / "gone").mkdir()
        (path / "gone").rmdir()
    assert clients.tree(server.data) == {
        "a.txt": b"hello\nmore\n", "sp ace é.txt": b"odd\n", "d": None, "d/e": None, "d/e/big.bin": big, "d/moved.txt": b"x"}
    with mount as path:  # a second time, from the server
        assert (path / "d/e/big.bin").read_bytes() == big
        assert (path / "a.txt").read_text() == "hello\nmore\n"


def test_it_locks_what_it_writes(server, mount):
    seen = len(clients.requests(server))
    with mount as path:
        (path / "l.txt").write_text("1")
        (path / "l.txt").write_text("22")
    asked = clients.requests(server)[seen:]
    locks = [s for m, p, s in asked if m == "LOCK" and p == "/dav/l.txt"]
    assert locks and locks[0] == 201 and set(locks[1:]) <= {200}
    assert {s for m, p, s in asked if m == "UNLOCK"} == {204}
    assert {s for m, p, s in asked if m == "PUT"} == {204}
    assert (server.data / "l.txt").read_text() == "22"


def test_another_s_lock_keeps_it_from_writing(server, mount):
    (server.data / "held.txt").write_text("theirs")
    clients.writing.give(server.data)
    body = ("<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>"
            "</D:lockinfo>")
    answer = server.ask("LOCK", "/dav/held.txt", [("Content-Type", "text/xml")], body)
    with mount as path:
        with pytest.raises(OSError):
            (path / "held.txt").write_text("mine")
        assert (path / "held.txt").read_text() == "theirs"
    assert (server.data / "held.txt").read_text() == "theirs"
    assert server.ask("UNLOCK", "/dav/held.txt", [("Lock-Token", answer.get("Lock-Token"))]).status == 204


def test_what_others_change_is_seen(server, mount):
    (server.data / "x.txt").write_text("old")
    clients.writing.give(server.data)
    with mount as path:
        assert (path / "x.txt").read_text() == "old"
        server.ask("PUT", "/dav/x.txt", [], b"new, and longer")
        server.ask("PUT", "/dav/y.txt", [], b"y")
        deadline = time.monotonic() + 10
        while (path / "x.txt").read_text() != "new, and longer" or not (path / "y.txt").exists():
            assert time.monotonic() < deadline
            time.sleep(0.3)


def test_df_shows_the_disk(server, mount):
    with mount as path:
        told, disk = os.statvfs(path), os.statvfs(server.data)
    assert abs(told.f_bavail * told.f_frsize - disk.f_bavail * disk.f_frsize) < 1 << 30
    assert told.f_blocks * told.f_frsize > disk.f_bavail * disk.f_frsize


def wait_for(server, expected):
    """Uploads begin when a file has been closed."""
    deadline = time.monotonic() + 30
    while clients.tree(server.data) != expected:
        assert time.monotonic() < deadline, clients.tree(server.data)
        time.sleep(0.05)


def test_behind_nginx_as_it_is_pasted(server, mount):
    """The Host is not the client's; davfs2 tags its lists with the URL that it knows. What is refused goes to lost+found."""
    (server.data / "old.txt").write_text("old")
    clients.writing.give(server.data)
    seen = len(clients.requests(server))
    with clients.nginx(server) as port:
        mount.url = clients.url(server, port=port)
        with mount as path:
            with open(path / "old.txt", "a") as f:  # an editor that writes in place, and keeps it open
                f.write(", edited")
                f.flush()
                os.fsync(f.fileno())
                f.write(" twice")
            (path / "new.odt~").write_text("saved beside")  # and one that writes beside and renames
            (path / "new.odt~").rename(path / "new.odt")
            (path / "gone.txt").write_text("x")
            wait_for(server, {"old.txt": b"old, edited twice", "new.odt": b"saved beside", "gone.txt": b"x"})
            with open(path / "new.odt", "r+b") as f:
                f.seek(6)
                f.write(b"over it")
            (path / "gone.txt").unlink()
            (path / "d").mkdir()
            (path / "old.txt").rename(path / "d/moved.txt")
            wait_for(server, {"d": None, "d/moved.txt": b"old, edited twice", "new.odt": b"saved over it"})
            assert not list(path.glob("lost+found/*"))
    asked = clients.requests(server)[seen:]
    assert not [r for r in asked if r[2] >= 400 and r[2] != 404]
    assert {m for m, _, _ in asked} >= {"LOCK", "PUT", "UNLOCK", "MOVE", "DELETE"}
