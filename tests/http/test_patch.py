"""PATCH with SabreDAV's media type: https://sabre.io/dav/http-patch/."""

import pytest

from locking import lock
from writing import mounted, wait_until

KIND = "application/x-sabredav-partialupdate"
TEN = b"0123456789"


def patch(dav, update_range, content, *headers, name="a.txt"):
    return dav.ask("PATCH", name, [("Content-Type", KIND), ("X-Update-Range", update_range), *headers], content)


@pytest.fixture
def file(dav):
    dav.file("a.txt", TEN, 0o640)
    return dav


def test_it_is_told(file):
    answer = file.ask("OPTIONS", "a.txt")
    assert "sabredav-partialupdate" in answer.tokens("DAV")
    assert answer.get("Accept-Patch") == KIND
    assert "PATCH" in answer.tokens("Allow")
    answer = file.ask("OPTIONS", "")
    assert "PATCH" not in answer.tokens("Allow") and answer.get("Accept-Patch") is None


@pytest.mark.parametrize("update_range, result", [
    ("bytes=0-2", b"ABC3456789"), ("bytes=3-5", b"012ABC6789"), ("bytes=8-", b"01234567ABC"), ("bytes=-3", b"0123456ABC"),
    ("bytes=-1", b"012345678ABC"), ("append", b"0123456789ABC"), ("APPEND", b"0123456789ABC"),
    ("bytes=12-14", b"0123456789\0\0ABC"), ("bytes=-10", b"ABC3456789")])
def test_a_part_is_written(file, update_range, result):
    before = file.etag("a.txt")
    answer = patch(file, update_range, b"ABC")
    assert answer.status == 204
    assert answer.get("ETag") == file.etag("a.txt") != before
    assert file.tree() == {"a.txt": result}
    assert oct(file.disk("a.txt").stat().st_mode & 0o777) == "0o640"


@pytest.mark.parametrize("update_range, status", [
    ("bytes=0-3", 416), ("bytes=0-1", 416), ("bytes=-11", 416), ("bytes=5-2", 400), ("", 400), ("bytes", 400), ("bytes=", 400),
    ("bytes=-", 400), ("bytes=a-b", 400), ("bytes=0-2x", 400), ("bytes=-3x", 400), ("appendix", 400), ("lines=0-2", 400),
    ("bytes=0-99999999999999999999", 400), ("bytes=--3", 400), (f"bytes={(1 << 30) + 11}-", 413)])
def test_a_range_that_can_t_be_taken(file, update_range, status):
    assert patch(file, update_range, b"ABC").status == status
    assert file.tree() == {"a.txt": TEN}


def test_a_body_of_unknown_length(file):
    with file.server.connect() as c:
        headers = [("Content-Type", KIND + "; x=y"), ("Transfer-Encoding", "chunked")]
        for update_range, status in ("append", 204), ("bytes=0-2", 204), ("bytes=0-5", 416), ("bytes=0-1", 416):
            c.send_head("PATCH", file.url + "a.txt", [*headers, ("X-Update-Range", update_range)])
            c.socket.sendall(b"3\r\nABC\r\n0\r\n\r\n")
            assert c.read_answer().status == status
    assert file.tree() == {"a.txt": b"ABC3456789ABC"}


@pytest.mark.parametrize("last", [(1 << 63) - 1, (1 << 63) - 2, 1 << 63])
def test_what_ends_beyond_all_files(file, last):
    """Chunked, so that nothing but the range tells of a length; whatever comes, nothing is written."""
    for update_range, statuses in (f"bytes=1-{last}", (400, 507)), ("bytes=5-", (507,)):
        headers = [("Content-Type", KIND), ("X-Expected-Entity-Length", str((1 << 63) - 1)), ("X-Update-Range", update_range)]
        assert file.ask("PATCH", "a.txt", headers, chunks=[b"ABC"]).status in statuses
    assert file.tree() == {"a.txt": TEN}


@pytest.mark.root
def test_no_room_is_said_before_the_body_comes(dav_on):
    dav = dav_on()
    with mounted(dav.path / "small", "1m"):
        dav.file("small/a.bin", TEN)
        for method, how in (("PATCH", [("Content-Type", KIND), ("X-Update-Range", "append")]),
                            ("PUT", [("Content-Range", "bytes 10-3000009/*")])):
            with dav.server.connect() as c:
                c.send_head(method, dav.url + "small/a.bin", [*how, ("Content-Length", "3000000"), ("Expect", "100-continue")])
                answer = c.read_answer(method)
                assert (answer.status, answer.precondition(), answer.interim) == (507, ["sufficient-disk-space"], [])
        assert patch(dav, "append", b"A", name="small/a.bin").status == 204


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_coded_part_is_415(file, method):
    """Its bytes are not those of the file."""
    how = ("X-Update-Range", "append") if method == "PATCH" else ("Content-Range", "bytes 0-2/*")
    for coding, status in ("gzip", 415), ("identity, br", 415), ("identity", 204):
        answer = file.ask(method, "a.txt", [("Content-Type", KIND), how, ("Content-Encoding", coding)], b"ABC")
        assert answer.status == status
        assert (answer.get("Accept-Encoding") == "identity") == (status == 415)


def test_no_body_is_411(file):
    assert patch(file, "append", b"").status == 411
    assert patch(file, "append", None).status == 411


def test_no_bytes_make_an_empty_file_where_nothing_is(file):
    """So webdavfs makes one that it is going to write parts of."""
    assert patch(file, "bytes=0-", b"", ("If-Match", "*"), name="new.txt").status == 412
    assert patch(file, "bytes=0-", b"", name="none/new.txt").status == 409
    held = lock(file, "", depth="0").tagged()
    assert patch(file, "bytes=0-", b"", name="new.txt").status == 423
    answer = patch(file, "bytes=0-", b"", held, ("If-None-Match", "*"), name="new.txt")
    assert answer.status == 201 and answer.get("ETag") == file.etag("new.txt")
    assert patch(file, "bytes=0-", b"ABC", ("If-Match", "*"), name="new.txt").status == 204
    assert patch(file, "bytes=0-", b"", name="new.txt").status == 411
    assert file.tree() == {"a.txt": TEN, "new.txt": b"ABC"}


def test_another_type_is_415(file):
    for kind in ([("Content-Type", "text/plain")], []):
        answer = file.ask("PATCH", "a.txt", [*kind, ("X-Update-Range", "append")], b"ABC")
        assert answer.status == 415
        assert answer.get("Accept-Patch") == KIND
    assert file.tree() == {"a.txt": TEN}


def test_what_is_no_file(file):
    file.folder("sub")
    assert patch(file, "append", b"ABC", name="new.txt").status == 404
    assert patch(file, "append", b"ABC", name="sub/").status == 405
    assert patch(file, "append", b"ABC", name="a.txt/").status in (404, 409)
    assert file.tree() == {"a.txt": TEN, "sub": None}


def test_conditions_and_locks(file):
    assert patch(file, "append", b"A", ("If-Match", '"other"')).status == 412
    assert patch(file, "append", b"A", ("If-None-Match", "*")).status == 412
    held = lock(file, "a.txt").submit
    assert patch(file, "append", b"A").status == 423
    assert patch(file, "append", b"A", held).status == 204
    assert patch(file, "append", b"B", held, ("If-Match", file.etag("a.txt"))).status == 204
    assert file.tree() == {"a.txt": TEN + b"AB"}


def test_x_oc_mtime(file):
    answer = patch(file, "append", b"A", ("X-OC-Mtime", "1000000000"))
    assert answer.status == 204 and answer.get("X-OC-MTime") == "accepted"
    assert file.disk("a.txt").stat().st_mtime == 1000000000


def test_dead_properties_stay(file):
    file.set("a.txt", color="blue")
    assert patch(file, "append", b"A").status == 204
    assert file.dead("a.txt") == {"color": "blue"}


@pytest.mark.parametrize("denied", ["PUT", "PATCH"])
def test_it_takes_both_rights(dav_on, denied):
    dav = dav_on(location=f"<Limit {denied}>\nRequire all denied\n</Limit>")
    dav.server.expect_log("AH01630")
    dav.file("a.txt", TEN)
    assert patch(dav, "append", b"A").status == 403
    assert patch(dav, "bytes=0-", b"", name="new.txt").status == 403
    assert dav.tree() == {"a.txt": TEN}


def test_a_client_that_leaves_changes_nothing(file):
    file.server.expect_log("AH0|End of file")
    with file.server.connect() as c:
        c.send_head("PATCH", file.url + "a.txt",
                    [("Content-Type", KIND), ("X-Update-Range", "append"), ("Content-Length", "4")])
        c.socket.sendall(b"AB")
    assert patch(file, "append", b"Z").status == 204
    wait_until(lambda: file.tree() == {"a.txt": TEN + b"Z"})
