"""Pieces of a large file, one request each: every piece is a state of its own, and none costs a copy of the whole.

tmpfs and ext4 have no blocks to share: there the file that a piece replaces is kept for the next one (a spare)."""

import contextlib
import os
import subprocess

import pytest

import harness
from shim import Shim
from test_patch import patch
from writing import Dav, give, leftovers

SIZE = 65536
LARGE = bytes(range(256)) * 8192  # 2 MiB


def piece(i, size=SIZE):
    return bytes([i % 251]) * size


def put(dav, begin, content, total="*", name="a.bin"):
    end = begin + len(content) - 1
    return dav.put(name, content, ("Content-Range", f"bytes {begin}-{end}/{total}"))


def append(dav, content, name="a.bin"):
    return patch(dav, "append", content, name=name)


def end_with(dav, content=b"end"):
    """The last piece, after which nothing is kept."""
    begin = dav.disk("a.bin").stat().st_size
    assert put(dav, begin, content, begin + len(content)).status == 204
    assert leftovers(dav.path) == []
    return dav.disk("a.bin").read_bytes()


def spare(dav):
    (path,) = leftovers(dav.path)
    return path


def written(server):
    """Bytes that all of the server's processes have written or copied."""
    return sum(int(line.split()[1]) for pid in server.workers() for line in open(f"/proc/{pid}/io")
               if line.startswith("wchar:"))


@pytest.fixture
def large(dav):
    dav.file("a.bin", LARGE)
    return dav


@pytest.mark.parametrize("way", ["PUT", "PATCH"])
def test_pieces_cost_what_they_are(large, way):
    count, before = 60, written(large.server)
    tags = {large.etag("a.bin")}
    for i in range(count):
        answer = put(large, len(LARGE) + i * SIZE, piece(i)) if way == "PUT" else append(large, piece(i))
        assert answer.status == 204
        assert answer.get("ETag") == large.etag("a.bin")
        tags.add(answer.get("ETag"))
    assert len(tags) == count + 1
    # Each is written into both files; the first takes a copy.
    assert written(large.server) - before < 2 * len(LARGE) + 3 * count * SIZE
    assert end_with(large) == LARGE + b"".join(map(piece, range(count))) + b"end"


def test_pieces_by_many_processes(dav_on):
    dav = dav_on(mpm="prefork")
    dav.file("a.bin", LARGE)
    before = written(dav.server)
    for i in range(20):
        assert append(dav, piece(i)).status == 204
        assert len(leftovers(dav.path)) == 1
    assert written(dav.server) - before < 2 * len(LARGE) + 3 * 20 * SIZE
    assert end_with(dav) == LARGE + b"".join(map(piece, range(20))) + b"end"


def test_a_file_made_of_pieces(dav):
    for i in range(40):
        assert put(dav, i * SIZE, piece(i), 40 * SIZE).status == (204 if i else 201)
    assert dav.tree() == {"a.bin": b"".join(map(piece, range(40)))}


def test_a_hole_before_a_piece(large):
    assert append(large, b"one").status == 204
    assert put(large, len(LARGE) + 5_000_000, b"two").status == 204
    assert append(large, b"three").status == 204
    assert end_with(large) == LARGE + b"one" + bytes(5_000_000 - 3) + b"twothreeend"
    assert large.disk("a.bin").stat().st_blocks * 512 < len(LARGE) + 1_000_000


def test_who_reads_the_old_file_reads_it_to_its_end(large):
    opened = []
    for i in range(4):
        with open(large.disk("a.bin"), "rb") as f:
            opened.append((os.dup(f.fileno()), os.fstat(f.fileno()).st_size))
        assert append(large, piece(i)).status == 204
    whole = end_with(large)
    for fd, size in opened:
        with open(fd, "rb") as f:
            assert f.read(size) == whole[:size]


def test_what_somebody_else_writes_is_not_lost(large):
    """Past the server, into the file as it is: then its spare has not what it has."""
    for i in range(3):
        assert append(large, piece(i)).status == 204
        with open(large.disk("a.bin"), "r+b") as f:
            f.seek(i * 1000)
            f.write(b"changed")
    whole = end_with(large)
    assert [whole[i * 1000:][:7] for i in range(3)] == [b"changed"] * 3
    assert whole[len(LARGE):] == b"".join(map(piece, range(3))) + b"end"


@pytest.mark.parametrize("touch", ["write", "time", "link", "symbolic link", "longer"])
def test_a_spare_that_is_none(large, touch):
    """It stands under a reserved name, but who may write the folder may do anything to it."""
    assert append(large, b"one").status == 204
    path, link = spare(large), os.fsencode(large.path.parent / (large.path.name + "-link"))
    if touch in ("write", "longer"):
        with open(path, "r+b") as f:
            f.seek(0 if touch == "write" else 1 << 22)
            f.write(b"changed")
    elif touch == "time":
        os.utime(path, (1, 1))
    elif touch == "link":
        os.link(path, link)
    else:
        os.rename(path, link)
        os.symlink(link, path)
    assert append(large, b"two").status == 204
    assert end_with(large) == LARGE + b"onetwoend"
    if os.path.exists(link):
        assert open(link, "rb").read() == LARGE
        os.unlink(link)


def test_another_name_of_the_file_keeps_its_content(large):
    other = large.path / "other.bin"
    os.link(large.disk("a.bin"), other)
    assert append(large, b"one").status == 204
    assert leftovers(large.path) == []
    assert append(large, b"two").status == 204
    os.link(large.disk("a.bin"), large.path / "third.bin")
    assert append(large, b"three").status == 204
    assert end_with(large) == LARGE + b"onetwothreeend"
    assert other.read_bytes() == LARGE
    assert (large.path / "third.bin").read_bytes() == LARGE + b"onetwo"


def test_permissions_and_time_of_birth(large):
    born = large.value("a.bin", "{DAV:}creationdate").text
    assert append(large, b"one").status == 204
    large.disk("a.bin").chmod(0o600)
    assert append(large, b"two").status == 204
    assert large.disk("a.bin").stat().st_mode & 0o777 == 0o600
    assert append(large, b"three").status == 204
    assert large.disk("a.bin").stat().st_mode & 0o777 == 0o600
    assert end_with(large) == LARGE + b"onetwothreeend"
    assert large.value("a.bin", "{DAV:}creationdate").text == born


def test_what_is_kept_is_seen_by_nobody_and_goes(large):
    assert append(large, b"one").status == 204
    path = spare(large)
    assert [r.path.rpartition(b"/")[2] for r in large.propfind("", "1")] == [b"", b"a.bin"]
    assert large.get(os.fsdecode(os.path.basename(path))).status == 404
    assert leftovers(large.path) == [path]  # for its minute
    seen = os.stat(path).st_mtime
    os.utime(path, (seen, seen - 100))
    large.propfind("", "1")
    assert leftovers(large.path) == []


def test_a_server_that_stops_leaves_nothing(dav_on):
    dav = dav_on()
    dav.file("a.bin", LARGE)
    assert append(dav, b"one").status == 204
    spare(dav)
    assert dav.server.stop() == []
    assert dav.tree() == {"a.bin": LARGE + b"one"}


@pytest.mark.parametrize("act", [
    lambda dav: dav.delete("a.bin"), lambda dav: dav.put("a.bin", b"new"), lambda dav: dav.put("a.bin", b"new", ("Content-Range", "bytes 0-2/*")),
    lambda dav: dav.move("a.bin", "b.bin"), lambda dav: dav.move("a.bin", "sub/a.bin"), lambda dav: dav.move("other.bin", "a.bin"),
    lambda dav: dav.copy("other.bin", "a.bin"), lambda dav: dav.copy("sub/", "a.bin")],
    ids=["DELETE", "PUT", "PUT-part", "MOVE", "MOVE-into", "MOVE-over", "COPY-over", "COPY-folder-over"])
def test_it_goes_with_its_file(large, act):
    """Else a file that is deleted would go on to take its room."""
    large.folder("sub")
    large.file("other.bin")
    assert append(large, b"one").status == 204
    spare(large)
    assert act(large).status in (201, 204)
    assert leftovers(large.path) == []


def test_no_more_than_sixteen(dav_on):
    dav = dav_on(servers=1)
    for i in range(20):
        dav.file(f"{i}.bin", LARGE)
        assert append(dav, b"one", name=f"{i}.bin").status == 204
    assert len(leftovers(dav.path)) == 16
    assert dav.server.stop() == []


@pytest.mark.no_sanitizer
@pytest.mark.parametrize("lacking", ["link", "proc", "tmpfile", "statx", "birth-time", "holes", "clone"])
def test_a_system_that_lacks_something(lacking):
    server = harness.Server()
    try:
        Shim(server, lacking)
        server.start()
        dav = Dav(server, server.data, "/dav/")
        dav.file("a.bin", LARGE)
        for i in range(4):
            assert append(dav, piece(i)).status == 204
        assert len(leftovers(dav.path)) == (lacking != "link")
        assert end_with(dav) == LARGE + b"".join(map(piece, range(4))) + b"end"
        assert server.stop() == []
    finally:
        server.remove()


@contextlib.contextmanager
def image(path, kind):
    """A file system of a kind at `path`, in a file, or the test is skipped."""
    for command in (["truncate", "-s", "320M", f"{path}.img"], [f"mkfs.{kind}", "-q", f"{path}.img"],
                    ["mount", "-o", "loop", f"{path}.img", str(path)]):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip(f"there is no {command[0]}")
        if done.returncode:
            pytest.skip("can't mount here: " + done.stderr.strip())
    try:
        give(path)
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.root
@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_blocks_are_shared_where_the_disk_can(kind):
    server = harness.Server()
    try:
        with image(server.data, kind):
            server.start()
            dav = Dav(server, server.data, "/dav/")
            dav.file("a.bin", LARGE * 8)
            before = written(server)
            for i in range(10):
                assert append(dav, piece(i)).status == 204
                assert put(dav, i * SIZE, piece(i)).status == 204
                assert leftovers(dav.path) == []
            assert written(server) - before < 3 * 20 * SIZE
            whole = b"".join(map(piece, range(10)))
            assert end_with(dav) == whole + (LARGE * 8)[10 * SIZE:] + whole + b"end"
            assert server.stop() == []
    finally:
        server.remove()
