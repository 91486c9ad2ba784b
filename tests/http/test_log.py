"""What an administrator reads in the error log: what has to be mended, unasked; all else at lower levels."""

import os

import pytest

import harness
from harness import IS_ROOT

needs_root = pytest.mark.skipif(not IS_ROOT, reason="what the server's User may not, its tests as the same user may not")

LOCK = ('<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
        '</D:lockinfo>')


def lines(server, level):
    """The module's own lines of a level since the test began."""
    found = []
    for line in server.new_log():
        match = harness.LOG_LEVEL.match(line)
        if match and match.group(1) == "dav_multistatus" and match.group(2) == level:
            found.append(line)
    return found


@needs_root
@pytest.mark.parametrize("method, headers, body", [
    ("PUT", [], b"x"), ("MKCOL", [], None), ("LOCK", [("Content-Type", "application/xml")], LOCK)])
def test_a_refusal_by_the_disk_is_one_line_with_the_path(dav, method, headers, body):
    folder = dav.folder("closed")
    os.chown(folder, 0, 0)
    assert dav.ask(method, "closed/new", headers, body).status == 403
    warned = lines(dav.server, "warn")
    assert len(warned) == 1, dav.server.new_log()
    assert f"{folder}/new" in warned[0] and "Permission denied" in warned[0] and method in warned[0]


@needs_root
def test_a_delete_that_the_disk_refuses(dav):
    dav.file("closed/file")
    os.chown(dav.path / "closed", 0, 0)
    assert dav.delete("closed/file").status == 403
    assert [str(dav.path / "closed/file") in line for line in lines(dav.server, "warn")] == [True]


@needs_root
def test_members_of_a_207_are_told_at_info_and_the_first_that_the_disk_refuses_above(dav):
    for i in range(5):
        dav.file(f"top/closed/f{i}")
    os.chown(dav.path / "top/closed", 0, 0)
    assert dav.delete("top").status == 207
    told = lines(dav.server, "warn") + lines(dav.server, "info")
    assert len(lines(dav.server, "warn")) == 1
    for i in range(5):
        assert sum(f"{dav.path}/top/closed/f{i}" in line for line in told) == 1, told


def test_a_clients_mistake_is_told_at_info(dav):
    dav.file("a")
    assert dav.put("a", b"x", ("If-Match", '"no"')).status == 412
    assert dav.ask("MKCOL", "no/where").status == 409
    assert not lines(dav.server, "warn") and not lines(dav.server, "error")
    assert len(lines(dav.server, "info")) == 2


def test_a_lock_in_the_way_is_named(dav):
    dav.file("a")
    answer = dav.ask("LOCK", "a", [("Content-Type", "application/xml")], LOCK)
    token = answer.get("Lock-Token").strip("<>")
    assert dav.put("a").status == 423
    assert any(token in line for line in lines(dav.server, "debug"))


def test_questions_and_steps_can_be_traced(dav_on):
    dav = dav_on(conf="LogLevel dav_multistatus:trace3\n")
    dav.file("top/sub/in.txt")
    assert dav.copy("top", "copy").status == 201
    asked = lines(dav.server, "trace2")
    assert any("asked httpd for PUT /dav/copy: 200" in a for a in asked), asked
    assert any("PROPFIND /dav/top/sub/: 200" in a for a in asked), asked
    steps = lines(dav.server, "trace1")
    assert any("is copied to" in s for s in steps) and any("in its place" in s for s in steps), steps
    assert any("a connection was made" in line for line in lines(dav.server, "debug"))


@needs_root
def test_a_store_that_fails_is_told_of_once_a_minute(httpd):
    place = httpd()
    server = place.server
    for i in range(20):
        (server.data / f"f{i}").mkdir()
    state = server.root / "state"
    server.propfind("/dav/", "0")
    server.stop()
    for file in state.iterdir():
        if file.is_file():
            file.write_bytes(b"no database at all, but long enough to be read as one " * 100)
    (server.root / "logs/error.log").unlink()
    server.log_seen = 0
    server.start()
    server.expect_log("store.db")
    for _ in range(3):
        server.propfind("/dav/", "infinity")
    told = [line.partition("the store ")[2] for line in lines(server, "error") if "store.db" in line]
    assert 1 <= len(told) <= 2, told  # at the start, and by the process that serves
