"""What webdavfs (github.com/miquels/webdavfs) sends: a mount without a cache, where each write(2) is a PATCH; where a server does
not tell that it takes those, it mounts for reading only."""

import errno
import os

import pytest

from test_patch import KIND

HEADERS = [("User-Agent", "fuse-webdavfs/0.1 (Go) linux (amd64)")]
FACTS = ["resourcetype", "creationdate", "getlastmodified", "getetag", "getcontentlength"]
ERRNO = {403: errno.EACCES, 404: errno.ENOENT, 405: errno.EACCES, 409: errno.ENOENT, 416: errno.ERANGE}


class Mount:
    """Its steps, by the calls that they are for; each fails with the errno that a program sees."""

    def __init__(self, dav, ask):
        self.dav, self.ask = dav, ask

    def ok(self, answer, *statuses):
        if answer.status // 100 != 2:
            raise OSError(ERRNO.get(answer.status, errno.EIO), str(answer.status))
        assert answer.status in statuses, answer  # it takes a 207 of MOVE for an error
        return answer

    def propfind(self, name, depth, *names):
        body = ("<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propfind xmlns:D='DAV:'><D:prop>" + "".join(f"<D:{n}/>" for n in names)
                + "</D:prop></D:propfind>")
        answer = self.ask("PROPFIND", name, ("Content-Type", "text/xml"), ("Depth", depth), body=body)
        return self.ok(answer, 207).multistatus(self.dav.url + name)

    def stat(self, name):
        return self.propfind(name, "0", *FACTS)[0]

    def size(self, name):
        return int(self.stat(name).text("getcontentlength"))

    def put(self, name, *conditions):
        return self.ok(self.ask("PUT", name, *conditions, body=b""), 201, 204)

    def write(self, name, offset, content, *conditions):
        """A part; of a file that is to be made, of no bytes and without If-Match."""
        return self.ok(self.ask("PATCH", name, *(conditions or [("If-Match", "*")]), ("Content-Type", KIND),
                                ("X-Update-Range", f"bytes={offset}-"), body=content), 201, 204)

    def create(self, name, truncate=True, exclusive=False):
        conditions = [("If-None-Match", "*")] if exclusive else []
        answer = self.put(name, *conditions) if truncate else self.write(name, 0, b"", *conditions or [("Accept", "*/*")])
        if exclusive and answer.status != 201:
            raise OSError(errno.EEXIST, "")
        assert self.size(name) == 0

    def read(self, name, offset, length):
        answer = self.ask("GET", name, ("Range", f"bytes={offset}-{offset + length - 1}"))
        assert answer.status == 206  # it takes nothing else
        return answer.body

    def rename(self, name, to):
        url = f"http://127.0.0.1:{self.dav.server.port}{self.dav.url}{to}"
        self.ok(self.ask("MOVE", name, ("Overwrite", "F" if name.endswith("/") else "T"), ("Destination", url)), 201, 204)

    def remove(self, name):
        assert len(self.propfind(name, "1", *FACTS)) == 1
        self.ok(self.ask("DELETE", name), 204)


@pytest.fixture
def mount(dav, client):
    return Mount(dav, client(HEADERS))


def test_mounting(mount):
    answer = mount.ask("OPTIONS", "", ("Accept", "*/*"))
    assert {"1", "sabredav-partialupdate"} <= answer.tokens("DAV")
    assert mount.stat("").is_collection
    told = mount.propfind("", "0", "quota-available-bytes", "quota-used-bytes")[0]
    disk = os.statvfs(mount.dav.path)
    assert abs(int(told.text("quota-available-bytes")) - disk.f_bavail * disk.f_frsize) < 1 << 30


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("truncate", [True, False])  # `>` and `>>`
def test_a_new_file(mount, truncate, exclusive):
    with pytest.raises(FileNotFoundError):
        mount.stat("a.txt")
    mount.create("a.txt", truncate, exclusive)
    content = os.urandom(300_000)
    for offset in range(0, len(content), 131_072):
        mount.write("a.txt", offset, content[offset:offset + 131_072])
    assert mount.size("a.txt") == len(content)
    assert mount.read("a.txt", 131_000, 200) == content[131_000:131_200]
    assert mount.dav.tree() == {"a.txt": content}


def test_a_file_that_is_there(mount):
    """`>>`, dd conv=notrunc, and what truncates."""
    mount.dav.file("a.txt", b"0123456789")
    mount.write("a.txt", 10, b"appended")
    mount.write("a.txt", 2, b"AB")
    assert mount.read("a.txt", 0, 18) == b"01AB456789appended"
    mount.put("a.txt", ("If-Match", "*"))
    mount.write("a.txt", 4095, b"\0")  # ftruncate() to 4096
    assert mount.dav.tree() == {"a.txt": bytes(4096)}
    with pytest.raises(OSError):  # somebody else has made it meanwhile
        mount.create("a.txt", exclusive=True)
    with pytest.raises(OSError):
        mount.create("a.txt", truncate=False)
    assert mount.dav.tree() == {"a.txt": bytes(4096)}


def test_what_is_gone_is_not_made_again(mount):
    with pytest.raises(OSError):
        mount.write("a.txt", 0, b"content")
    with pytest.raises(OSError):
        mount.put("a.txt", ("If-Match", "*"))
    with pytest.raises(FileNotFoundError):
        mount.create("none/a.txt", truncate=False)
    assert mount.dav.tree() == {}


def test_names(mount):
    mount.ok(mount.ask("MKCOL", "d/"), 201)
    for name in ("a", "b"):
        mount.create(name)
    mount.write("a", 0, b"a")
    mount.rename("a", "b")
    mount.rename("b", "d/c")
    mount.rename("d/", "e/")
    assert mount.dav.tree() == {"e": None, "e/c": b"a"}
    mount.ok(mount.ask("MKCOL", "d/"), 201)
    with pytest.raises(OSError):
        mount.rename("d/", "e/")
    mount.remove("e/c")
    mount.remove("e/")
    mount.remove("d/")
    assert mount.dav.tree() == {}
