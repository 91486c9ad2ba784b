"""PUT: new files, overwriting, what is refused, what an interrupted body leaves behind."""

import os
import random
import re
import subprocess
import time

import pytest

import harness
from writing import leftovers, mounted, wait_until


def deleted_files(server, path):
    """Open files of the server's that have no name, below `path`."""
    found = []
    for pid in server.workers():
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            if target.startswith(str(path)) and (target.endswith("(deleted)") or "/.dav-multi" in target):
                found.append(target)
    return found


def test_new_file_is_201(dav):
    answer = dav.put("a.txt", b"content")
    assert (answer.status, answer.body) == (201, b"")
    assert dav.tree() == {"a.txt": b"content"}
    assert oct(dav.disk("a.txt").stat().st_mode & 0o7777) == "0o644"
    assert dav.get("a.txt").body == b"content"


def test_overwriting_is_204(dav):
    dav.put("a.txt", b"a longer content than the next one")
    answer = dav.put("a.txt", b"next")
    assert (answer.status, answer.body) == (204, b"")
    assert dav.tree() == {"a.txt": b"next"}


@pytest.mark.parametrize("size", [0, 1, 8192, 65537, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_any_size(dav, size, chunked):
    content = random.Random(size).randbytes(size)
    if chunked:
        answer = dav.ask("PUT", "a.bin", chunks=[content[i:i + 50_000] for i in range(0, size, 50_000)])
    else:
        answer = dav.put("a.bin", content)
    assert answer.status == 201
    assert dav.disk("a.bin").read_bytes() == content


@pytest.mark.parametrize("name", ["%FF%FE", "a%20b", "%25", "%01", "a%0Ab", "%C3%A9", "a'b\"", "a;b+c&d=e,f", ".hidden",
                                  "%23%3F", "x" * 255])
def test_any_name(dav, name):
    assert dav.put(name.replace('"', "%22"), b"x").status == 201
    assert dav.disk(name).read_bytes() == b"x"


def test_a_name_that_is_too_long_is_refused(dav):
    dav.server.expect_log("AH00127|File name too long")
    assert 400 <= dav.put("x" * 256).status < 500
    assert dav.tree() == {}


# -- the entity tag


def test_etag_is_that_of_propfind_and_get(dav):
    for _ in range(2):  # new, then overwritten
        etag = dav.put("a.txt", b"content").get("ETag")
        assert re.fullmatch(r'"[^"]+"', etag), etag
        assert etag == dav.etag("a.txt") == dav.get("a.txt").get("ETag")


def test_etag_changes_with_each_put(dav):
    etags = [dav.put("a.txt", b"same size").get("ETag") for _ in range(50)]
    assert len(set(etags)) == 50


def test_etag_changes_though_the_time_is_set(dav):
    etags = {dav.put("a.txt", b"%d" % (i % 10), ("X-OC-Mtime", "1500000000")).get("ETag") for i in range(2)}
    assert len(etags) == 2


# -- what stays


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444])
def test_overwriting_keeps_the_mode(dav, mode):
    dav.file("a.txt", b"old", mode)
    assert dav.put("a.txt", b"new").status == 204
    assert oct(dav.disk("a.txt").stat().st_mode & 0o7777) == oct(mode)
    assert dav.disk("a.txt").read_bytes() == b"new"


def test_a_reader_keeps_the_old_file_whole(dav):
    dav.file("a.txt", b"old" * 1000)
    with open(dav.disk("a.txt"), "rb") as reader:
        dav.put("a.txt", b"new")
        assert reader.read() == b"old" * 1000


def test_nobody_sees_half_a_file(dav):
    dav.file("a.txt", b"old")
    with dav.server.connect() as c:
        c.send_head("PUT", dav.url + "a.txt", [("Content-Length", "20")])
        c.socket.sendall(b"0123456789")
        time.sleep(0.1)
        assert dav.get("a.txt").body == b"old"
        assert dav.propfind("", "1").names() == ["a.txt"]
        c.socket.sendall(b"0123456789")
        assert c.read_answer("PUT").status == 204
    assert dav.get("a.txt").body == b"01234567890123456789"


# -- what is refused


def test_on_a_collection_is_405(dav):
    dav.folder("sub")
    for name in ("sub", "sub/", ""):
        answer = dav.put(name)
        assert answer.status == 405, name
        assert "PUT" not in answer.tokens("Allow") and {"PROPFIND", "DELETE"} <= answer.tokens("Allow")
    assert dav.tree() == {"sub": None}


def test_without_a_parent_is_409(dav):
    dav.file("file")
    for name in ("missing/a.txt", "missing/deep/a.txt", "file/a.txt", "new/", "file/"):
        assert dav.put(name).status == 409, name
    assert dav.tree() == {"file": b"hello\n"}


@pytest.mark.root
def test_without_permission_is_403(dav):
    dav.folder("sub")
    dav.file("sub/a.txt", b"old")
    os.chown(dav.disk("sub"), 0, 0)
    assert dav.put("sub/b.txt").status == 403
    assert dav.put("sub/a.txt").status == 403
    assert dav.tree("sub") == {"a.txt": b"old"}


def test_reserved_names_are_neither_served_nor_writable(dav):
    dav.server.expect_log("AH0")
    dav.file("a.txt")
    name = ".dav-multistatus-0123"
    try:
        dav.file(name, b"secret")
        dav.file(name + "d/inside.txt", b"secret")
        for target in (name, name + "d/", name + "d", name + "d/inside.txt", "%2Edav-multistatus-0123"):
            for method in ("GET", "HEAD"):
                assert dav.ask(method, target).status == 404, target
            assert dav.try_propfind(target).status in (403, 404)
            assert dav.put(target).status == 403
            assert dav.mkcol(target + "x").status == 403
            assert dav.delete(target).status == 403
            assert dav.proppatch(target, ("set", "<a xmlns='u'/>")).status == 403
            for method in (dav.copy, dav.move):
                assert method(target, "out").status in (403, 404), (method, target)
                assert method("a.txt", target).status == 403, (method, target)
        assert dav.propfind("", "1").names() == ["a.txt"]
        assert dav.propfind("", "infinity").names() == ["a.txt"]
        assert dav.disk(name).read_bytes() == b"secret"
    finally:
        subprocess.run(["rm", "-rf", dav.disk(name), dav.disk(name + "d")], check=True)
    assert dav.tree() == {"a.txt": b"hello\n"}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("exists", [False, True], ids=["new", "old"])
def test_limit_request_body_is_413(dav_on, chunked, exists):
    dav = dav_on(location="LimitRequestBody 1000")
    dav.server.expect_log("AH0")
    before = {}
    if exists:
        dav.file("a.txt", b"old")
        before = {"a.txt": b"old"}
    content = b"x" * 5000
    answer = dav.ask("PUT", "a.txt", chunks=[content[:500]] * 10) if chunked else dav.put("a.txt", content)
    assert answer.status == 413
    assert dav.tree() == before
    assert dav.put("a.txt", b"x" * 1000).status == (204 if exists else 201)


@pytest.mark.root
def test_a_full_disk_is_507(dav_on):
    dav = dav_on()
    dav.server.expect_log("No space left")
    with mounted(dav.path / "small", "1m"):
        dav.file("small/a.txt", b"old")
        for name in ("small/a.txt", "small/b.txt"):
            assert dav.put(name, b"x" * 3_000_000).status == 507
            assert dav.tree("small") == {"a.txt": b"old"}
            assert dav.ask("PUT", name, chunks=[b"x" * 100_000] * 20).status == 507
        assert dav.tree("small") == {"a.txt": b"old"}
        assert not deleted_files(dav.server, dav.path)
        assert dav.put("small/b.txt", b"x" * 500_000).status == 201
        assert dav.get("small/a.txt").body == b"old"


# -- bodies that end too soon


def interrupted(dav, name, how):
    with dav.server.connect() as c:
        if how.startswith("chunked"):
            c.send_head("PUT", dav.url + name, [("Transfer-Encoding", "chunked")])
            c.socket.sendall({"chunked in a chunk": b"10\r\n01234", "chunked after a chunk": b"5\r\n01234\r\n",
                              "chunked nonsense": b"5\r\n01234\r\nzz\r\n"}[how])
        else:
            c.send_head("PUT", dav.url + name, [("Content-Length", "100000")])
            c.socket.sendall(b"x" * 50000)
        wait_until(lambda: deleted_files(dav.server, dav.path) or how == "chunked nonsense", what="no file was begun")
        if how == "reset":
            c.reset()
        elif how == "chunked nonsense":
            assert c.read_answer("PUT").status == 400
    wait_until(lambda: not deleted_files(dav.server, dav.path) and not leftovers(dav.path),
               what="the temporary file stays")


@pytest.mark.parametrize("how", ["close", "reset", "chunked in a chunk", "chunked after a chunk", "chunked nonsense"])
def test_an_interrupted_body_leaves_nothing(dav, how):
    dav.server.expect_log("AH0|reset by peer|End of file")
    dav.file("old.txt", b"old")
    etag = dav.etag("old.txt")
    for name in ("old.txt", "new.txt"):
        interrupted(dav, name, how)
    assert dav.tree() == {"old.txt": b"old"}
    assert dav.etag("old.txt") == etag


def test_expect_100_continue(dav):
    with dav.server.connect() as c:
        c.send_head("PUT", dav.url + "a.txt", [("Content-Length", "5"), ("Expect", "100-continue")])
        assert c.read_line().split()[1] == b"100" and c.read_line() == b""
        c.socket.sendall(b"hello")
        assert c.read_answer("PUT").status == 201
    with dav.server.connect() as c:  # what is known to be refused is refused before the body
        c.send_head("PUT", dav.url + "missing/a.txt", [("Content-Length", "5"), ("Expect", "100-continue")])
        answer = c.read_head()
        assert (answer.status, answer.interim) == (409, [])
    assert dav.tree() == {"a.txt": b"hello"}


def test_a_refused_body_leaves_the_connection_usable(dav):
    with dav.server.connect() as c:
        assert c.ask("PUT", dav.url + "missing/a.txt", body=b"x" * 10_000).status == 409
        assert c.ask("PUT", dav.url + "a.txt", body=b"x").status == 201
        assert c.ask("GET", dav.url + "a.txt").body == b"x"


# -- Content-Range


def ranged(dav, content_range, content, name="a.txt"):
    return dav.put(name, content, ("Content-Range", content_range))


@pytest.mark.parametrize("content_range, content, result", [
    ("bytes 0-3/10", b"ABCD", b"ABCD456789"), ("bytes 3-5/10", b"ABC", b"012ABC6789"), ("bytes 9-9/*", b"Z", b"012345678Z"),
    ("bytes 8-11/12", b"ABCD", b"01234567ABCD"), ("bytes 10-12/13", b"ABC", b"0123456789ABC"),
    ("bytes=2-3/10", b"AB", b"01AB456789")])
def test_a_part_is_written(dav, content_range, content, result):
    dav.file("a.txt", b"0123456789", 0o640)
    answer = ranged(dav, content_range, content)
    assert answer.status == 204
    assert dav.disk("a.txt").read_bytes() == result
    assert oct(dav.disk("a.txt").stat().st_mode & 0o777) == "0o640"
    assert answer.get("ETag") == dav.etag("a.txt")


@pytest.mark.parametrize("content_range, content", [
    ("bytes 0-9/10", b"short"), ("bytes 0-3/10", b"too long"), ("bytes 5-2/10", b"ABCD"), ("bytes */10", b"ABCD"),
    ("items 0-3/10", b"ABCD"), ("bytes 0-3", b"ABCD"), ("bytes 0-10/10", b"01234567890"), ("", b"ABCD"),
    ("bytes -1-3/10", b"ABCD"), ("bytes 0-99999999999999999999/*", b"ABCD")])
def test_a_bad_range_changes_nothing(dav, content_range, content):
    dav.file("a.txt", b"0123456789")
    assert ranged(dav, content_range, content).status == 400
    assert dav.tree() == {"a.txt": b"0123456789"}


@pytest.mark.parametrize("content_range, result", [("bytes 0-3/4", b"ABCD"), ("bytes 2-5/*", b"\0\0ABCD")])
def test_a_part_makes_a_new_file(dav, content_range, result):
    answer = ranged(dav, content_range, b"ABCD", "new.txt")
    assert answer.status == 201
    assert answer.get("ETag") == dav.etag("new.txt")
    assert dav.tree() == {"new.txt": result}


def test_a_part_of_a_new_file_has_its_bounds_and_its_conditions(dav):
    assert ranged(dav, "bytes 0-3/4", b"ABCD", "missing/new.txt").status == 409
    assert ranged(dav, f"bytes {GAP + 1}-{GAP + 4}/*", b"ABCD", "new.txt").status == 413
    assert dav.put("new.txt", b"A", ("Content-Range", "bytes 0-0/1"), ("If-Match", "*")).status == 412
    assert ranged(dav, "bytes 0-9/10", b"ABCD", "new.txt").status == 400
    assert dav.tree() == {}


def test_an_interrupted_part_changes_nothing(dav):
    dav.server.expect_log("AH0|End of file")
    dav.file("a.txt", b"0123456789")
    with dav.server.connect() as c:
        c.send_head("PUT", dav.url + "a.txt", [("Content-Length", "4"), ("Content-Range", "bytes 0-3/10")])
        c.socket.sendall(b"AB")
    wait_until(lambda: not deleted_files(dav.server, dav.path))
    assert dav.tree() == {"a.txt": b"0123456789"}


GAP = 1 << 30  # the most between a file's end and where a part begins


def test_holes_stay_holes(dav):
    """A part far beyond the end takes no space, nor does another one, nor a copy."""
    dav.file("a.txt", b"begin")
    assert ranged(dav, f"bytes {GAP}-{GAP + 2}/*", b"end").status == 204
    assert ranged(dav, "bytes 5-7/*", b"two").status == 204
    assert dav.copy("a.txt", "b.txt").status == 201
    for name in "a.txt", "b.txt":
        found = dav.disk(name).stat()
        assert found.st_size == GAP + 3 and found.st_blocks * 512 < 1 << 20, (name, found.st_blocks)
        with open(dav.disk(name), "rb") as f:
            assert f.read(10) == b"begintwo\0\0" and f.seek(GAP - 2) and f.read() == b"\0\0end"


def test_a_hole_at_the_end_stays_one(dav):
    path = dav.file("a.txt", b"begin")
    os.truncate(path, 1 << 34)
    assert dav.copy("a.txt", "b.txt").status == 201
    found = dav.disk("b.txt").stat()
    assert found.st_size == 1 << 34 and found.st_blocks * 512 < 1 << 20


@pytest.mark.parametrize("offset", [GAP + 11, 10 << 30, (1 << 63) - 2])
def test_a_part_far_beyond_the_end_is_413(dav, offset):
    dav.file("a.txt", b"0123456789")
    assert ranged(dav, f"bytes {offset}-{offset}/*", b"x").status == 413
    assert dav.tree() == {"a.txt": b"0123456789"}


def test_a_part_beyond_what_the_disk_can_hold_is_413(dav):
    """ext4 has files of up to 16 TiB."""
    path, fits, too_large = dav.file("a.txt"), 0, (1 << 63) - GAP
    while too_large - fits > 1:
        size = (fits + too_large) // 2
        try:
            os.truncate(path, size)
            fits = size
        except OSError:
            too_large = size
    if too_large == (1 << 63) - GAP:
        pytest.skip("there is no limit here")
    os.truncate(path, fits)
    assert ranged(dav, f"bytes {fits + 1}-{fits + 1}/*", b"x").status == 413
    assert path.stat().st_size == fits


# -- X-OC-Mtime


def test_x_oc_mtime_sets_the_time(dav):
    for stamp in ("1500000000", "1234567890.5"):
        answer = dav.put("a.txt", b"x", ("X-OC-Mtime", stamp))
        assert answer.get("X-OC-MTime") == "accepted"
        assert int(dav.disk("a.txt").stat().st_mtime) == int(float(stamp))
        assert dav.get("a.txt").get("Last-Modified") == harness.http_date(int(float(stamp)))


@pytest.mark.parametrize("stamp", ["yesterday", "", "12x", "-"])
def test_a_bad_x_oc_mtime_is_400(dav, stamp):
    dav.file("a.txt")
    header = ("X-OC-Mtime", stamp)
    answers = [dav.put("b.txt", b"x", header), dav.copy("a.txt", "b.txt", header), dav.move("a.txt", "b.txt", header),
               dav.mkcol("b", header)]
    assert [(a.status, a.get("X-OC-MTime")) for a in answers] == [(400, None)] * 4
    assert dav.tree() == {"a.txt": b"hello\n"}


def test_a_refused_put_acknowledges_no_time(dav):
    assert dav.put("missing/a.txt", b"x", ("X-OC-Mtime", "1500000000")).get("X-OC-MTime") is None


# -- links


def test_through_a_link(dav):
    """What the link leads to, or the link itself, is replaced: afterwards the URL has the new content either way."""
    dav.file("target.txt", b"old")
    os.symlink("target.txt", dav.disk("link.txt"))
    assert dav.put("link.txt", b"new").status == 204
    assert dav.get("link.txt").body == b"new"
    assert dav.get("target.txt").body in (b"old", b"new")


@pytest.mark.root
def test_a_link_never_leads_a_write_outside(dav_on):
    dav = dav_on(directory="Options None")
    outside = dav.server.root / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "a.txt").write_bytes(b"outside")
    (outside / "a.txt").chmod(0o666)
    os.symlink(outside, dav.disk("folder"))
    os.symlink(outside / "a.txt", dav.disk("file.txt"))
    dav.server.expect_log("AH00037")
    assert dav.put("folder/new.txt").status in (403, 404, 409)
    assert dav.put("folder/a.txt").status in (403, 404, 409)
    assert dav.put("file.txt").status in (403, 204)
    assert dav.mkcol("folder/new").status in (403, 404, 409)
    assert {p.name: p.read_bytes() for p in outside.iterdir()} == {"a.txt": b"outside"}


# -- on the disk before the answer


def traced(dav, request, calls):
    """The calls that the server makes, in their order, while `request` runs; each with its descriptor's path."""
    out = dav.server.root / "trace"
    pids = [a for pid in dav.server.workers() for a in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-y", "-s", "20", "-e", "trace=" + calls, "-o", out, *pids],
                              stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: all("TracerPid:\t0\n" not in (open(f"/proc/{p}/task/{t}/status").read())
                               for p in dav.server.workers() for t in os.listdir(f"/proc/{p}/task"))
                   or tracer.poll() is not None, what="strace does not attach")
        if tracer.poll() is not None:
            pytest.skip("strace can't attach here: " + tracer.stderr.read())
        request()
    finally:
        tracer.terminate()
        tracer.wait()
        tracer.stderr.close()
    return out.read_text().splitlines()


SYNC_CALLS = "fsync,fdatasync,syncfs,linkat,renameat,renameat2,rename,write,writev,sendto,sendmsg"


@pytest.mark.no_sanitizer
@pytest.mark.parametrize("exists", [False, True], ids=["new", "old"])
@pytest.mark.parametrize("sync", ["On", "Off"])
def test_file_and_folder_are_synced_before_the_answer(dav_on, exists, sync):
    dav = dav_on(servers=1, location=f"DavMultistatusSync {sync}")
    dav.put("b.txt", b"warm")
    if exists:
        dav.put("a.txt", b"old")
    lines = traced(dav, lambda: dav.put("a.txt", b"new"), SYNC_CALLS)
    lines = [line for line in lines if str(dav.path) in line or "HTTP/1.1 20" in line]
    synced = [i for i, line in enumerate(lines) if re.search(r" (fsync|fdatasync|syncfs)\(", line)]
    named = max(i for i, line in enumerate(lines) if re.search(r" (linkat|renameat2?|rename)\(", line))
    if sync == "Off":
        assert not synced, lines
        return
    answered = next(i for i, line in enumerate(lines) if "HTTP/1.1 20" in line)
    assert any(i < named for i in synced), "the content is not synced before it has its name:\n" + "\n".join(lines)
    folder = [i for i in synced if f"<{dav.path}>" in lines[i] or "syncfs" in lines[i]]
    assert any(named < i < answered for i in folder), "the folder is not synced:\n" + "\n".join(lines)
