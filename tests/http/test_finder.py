"""What macOS sends for a mounted folder: webdavfs, step by step as its public source has it, and the Finder's and programs'
use of it. It reads what it locks, and keeps a copy that it asks about by its date."""

import os

import pytest

from locking import answered, tokens_on
from replay import token_of
from test_windows_office import MINIREDIR, WINDOWS_LOCK, WINDOWS_TIMES

MAC = [("User-Agent", "WebDAVFS/3.0.0 (03008000) Darwin/21.0.0 (arm64)"), ("Accept", "*/*")]
XML = '<?xml version="1.0" encoding="utf-8"?>\n'
MAC_LOCK = (XML + '<D:lockinfo xmlns:D="DAV:">\n<D:lockscope><D:exclusive/></D:lockscope>\n<D:locktype><D:write/></D:locktype>\n'
            "<D:owner>\n<D:href>http://www.apple.com/webdav_fs/</D:href>\n</D:owner>\n</D:lockinfo>\n")
STAT = ("D:getlastmodified", "D:getcontentlength", "D:creationdate", "D:resourcetype")
LITTER = ["._.", ".DS_Store", ".hidden", ".metadata_never_index", ".Spotlight-V100", "Contents", "Backups.backupdb"]


def propfind_body(*names):
    """Line by line, and with a prefix for properties of Apple's that it may not need."""
    return (XML + '<D:propfind xmlns:D="DAV:">\n<D:prop xmlns:A="http://www.apple.com/webdav_fs/props/">\n'
            + "".join(f"<{name}/>\n" for name in names) + "</D:prop>\n</D:propfind>\n")


class Mount:
    """The steps of webdavfs."""

    def __init__(self, dav, ask):
        self.dav, self.ask = dav, ask

    def properties(self, name, depth, *names):
        return self.ask("PROPFIND", name, ("Content-Type", "text/xml"), ("Depth", depth), body=propfind_body(*names))

    def stat(self, name):
        return self.properties(name, "0", *STAT)

    def list(self, name=""):
        """The members' URLs; the folder itself has to be among them, and comes first."""
        answer = self.properties(name, "1", *STAT, "A:appledoubleheader").multistatus(self.dav.url + name)
        for response in answer:
            assert response.propstats[0].status == 200 and response.text("getlastmodified") and response.text("creationdate")
            assert response.is_collection or response.text("getcontentlength").isdigit()
        return [href.removeprefix(self.dav.url) for href in answer.hrefs[1:]]

    def create(self, name):
        assert self.stat(name).status == 404
        assert self.ask("PUT", name, ("Content-Length", "0")).status == 201

    def open(self, name, status=200):
        """For writing: its lock."""
        answer = self.ask("LOCK", name, ("Depth", "0"), ("Timeout", "Second-600"), ("Content-Type", 'text/xml; charset="utf-8"'),
                          body=MAC_LOCK)
        assert answer.status == status
        (active,) = answered(answer)
        assert active.depth == "0" and 595 <= active.seconds <= 600
        return token_of(answer)

    def refresh(self, name, token):
        """No body, and all the same a type."""
        return self.ask("LOCK", name, ("Depth", "0"), ("Timeout", "Second-600"), ("Content-Type", "text/xml"), ("If", f"({token})"))

    def write(self, name, token, *pieces):
        length = str(sum(map(len, pieces)))
        return self.ask("PUT", name, ("X-Expected-Entity-Length", length), ("If", f"({token})"), chunks=pieces)

    def close(self, name, token):
        assert self.ask("UNLOCK", name, ("Lock-Token", token)).status == 204

    def save(self, name, content):
        """A new file with its content."""
        self.create(name)
        token = self.open(name)
        assert self.write(name, token, content).status == 204
        self.close(name, token)

    def rename(self, name, to, *headers):
        """Without Overwrite."""
        url = f"http://127.0.0.1:{self.dav.server.port}{self.dav.url}"
        return self.ask("MOVE", name, ("Destination", url + to), *headers).status

    def remove_folder(self, name):
        """It looks first whether the folder is empty."""
        assert len(self.properties(name, "1", "D:resourcetype").multistatus(self.dav.url + name)) == 1
        assert self.ask("DELETE", name).status == 204


@pytest.fixture
def mount(dav, client):
    return Mount(dav, client(MAC))


def dav_level(header):
    """The highest of 1 and 2, read as webdavfs does: it gives up at what is neither a token nor a URL in < >."""
    tokens = [token.strip() for token in header.split(",")]
    assert all(t and (t.replace("-", "").isalnum() or t[0] + t[-1] == "<>") for t in tokens), header
    return max(int(t) for t in tokens if t in ("1", "2"))


def test_mounting(mount):
    assert dav_level(mount.ask("OPTIONS", "").get("DAV")) == 2  # else it mounts for reading only
    assert mount.stat("").multistatus(mount.dav.url)[0].is_collection
    quota = mount.properties("", "0", "D:quota-available-bytes", "D:quota-used-bytes", "D:quota", "D:quotaused")
    (response,) = quota.multistatus(mount.dav.url)
    disk = os.statvfs(mount.dav.path)
    assert abs(int(response.text("quota-available-bytes")) - disk.f_bavail * disk.f_frsize) < 1 << 30
    assert response.text("quota-used-bytes").isdigit()
    for name in LITTER:
        assert mount.stat(name).status == 404
    assert mount.list() == []


def test_a_new_file_and_its_other_half(mount):
    """The Finder's copy: the file, and beside it, in `._`, what else macOS keeps of it. Names come decomposed."""
    mount.save("e%CC%81.txt", b"content")
    mount.create("._e%CC%81.txt")
    token = mount.open("._e%CC%81.txt")
    assert mount.write("._e%CC%81.txt", token, b"\0\5\x16\7", b"\0\2\0\0" + bytes(4088)).status == 204
    mount.close("._e%CC%81.txt", token)
    assert sorted(mount.list()) == ["._e%CC%81.txt", "e%CC%81.txt"]
    assert mount.dav.get("e%CC%81.txt").body == b"content"


def test_a_file_stays_open(mount):
    mount.create("a.txt")
    token = mount.open("a.txt")
    answer = mount.write("a.txt", token, b"abc", b"def", b"ghi")
    assert answer.status == 204
    # What a PUT does not tell it asks for: by these it knows its own copy again.
    (known,) = mount.properties("a.txt", "0", "D:getlastmodified", "D:getetag").multistatus(mount.dav.url + "a.txt")
    assert answer.get("ETag") in (None, known.text("getetag"))
    for _ in range(3):
        assert mount.refresh("a.txt", token).status == 200
        assert mount.write("a.txt", token, b"again").status == 204
    mount.close("a.txt", token)
    assert mount.dav.get("a.txt").body == b"again" and tokens_on(mount.dav, "a.txt") == set()


def test_locking_a_name_makes_it(mount):
    token = mount.open("new.txt", status=201)
    assert mount.write("new.txt", token, b"x").status == 204
    assert mount.ask("DELETE", "new.txt", ("If", f"({token})")).status == 204
    assert mount.list() == []


def test_its_copy_is_asked_about(mount):
    """A download that has stopped goes on where the file's date is still the same."""
    os.utime(mount.dav.file("a.txt", b"0123456789"), (1_000_000_000, 1_000_000_000))
    date = mount.ask("GET", "a.txt").get("Last-Modified")
    assert mount.ask("GET", "a.txt", ("If-Modified-Since", date)).status == 304
    answer = mount.ask("GET", "a.txt", ("If-Range", date), ("Range", "bytes=4-"))
    assert (answer.status, answer.body) == (206, b"456789")
    answer = mount.ask("GET", "a.txt", ("Range", "bytes=2-3"))
    assert (answer.status, answer.body) == (206, b"23")
    os.utime(mount.dav.file("a.txt", b"abcdefghij"), (1_100_000_000, 1_100_000_000))
    answer = mount.ask("GET", "a.txt", ("If-Range", date), ("Range", "bytes=4-"))
    assert (answer.status, answer.body) == (200, b"abcdefghij")


def test_a_program_saves_in_safety(mount):
    """Into a folder of its own, then over the document, of which another program may hold the lock."""
    mount.save("Report.rtf", b"old")
    folder = "Report.rtf.sb-1a2b3c4d-xyz/"
    assert mount.stat(folder).status == 404
    assert mount.ask("MKCOL", folder).status == 201
    mount.save(folder + "Report.rtf", b"new")
    token = mount.open("Report.rtf")
    assert mount.rename(folder + "Report.rtf", "Report.rtf") == 423
    assert mount.rename("Report.rtf", folder + "backup", ("If", f"({token})")) == 201
    assert mount.rename(folder + "Report.rtf", "Report.rtf") == 201
    assert mount.ask("DELETE", folder + "backup").status == 204
    mount.remove_folder(folder)
    assert mount.dav.tree() == {"Report.rtf": b"new"} and tokens_on(mount.dav, "Report.rtf") == set()


def test_files_and_folders_are_renamed_over_others(mount):
    mount.save("a", b"a")
    mount.save("b", b"b")
    assert mount.rename("a", "b") == 204
    for name in ("untitled%20folder/", "d/"):
        assert mount.ask("MKCOL", name).status == 201
    mount.save("untitled%20folder/in%20it", b"c")
    assert mount.rename("untitled%20folder/", "d/") == 204  # which it has seen to be empty
    assert sorted(mount.list()) == ["b", "d/"] and mount.list("d/") == ["d/in%20it"]
    assert mount.dav.tree() == {"b": b"a", "d": None, "d/in it": b"c"}


def test_what_another_holds_is_not_removed(mount):
    """A folder's DELETE is a 207, of which it looks for the status of what it has asked about."""
    mount.dav.file("d/held", b"held")
    other = token_of(mount.dav.ask("LOCK", "d/held", [("Content-Type", "text/xml")], MAC_LOCK))
    assert mount.ask("DELETE", "d/held").status == 423
    assert mount.ask("PUT", "d/held", body=b"x").status == 423
    answer = mount.ask("DELETE", "d/")
    assert [(r.href, r.status) for r in answer.multistatus()] == [(mount.dav.url + "d/held", 423)]
    assert mount.dav.tree() == {"d": None, "d/held": b"held"}
    mount.close("d/held", other)


def test_macos_and_windows_do_not_overwrite_each_other(dav, client):
    mac, windows = client(MAC), client(MINIREDIR)
    dav.file("a.txt", b"mac's")
    token = token_of(mac("LOCK", "a.txt", ("Depth", "0"), ("Timeout", "Second-600"), body=MAC_LOCK))
    assert windows("LOCK", "a.txt", ("Timeout", "Second-3600"), body=WINDOWS_LOCK).status == 423
    assert windows("PUT", "a.txt", body=b"windows'").status == 423
    assert windows("PROPPATCH", "a.txt", body=WINDOWS_TIMES).status == 423
    assert windows("DELETE", "a.txt").status == 423
    assert mac("UNLOCK", "a.txt", ("Lock-Token", token)).status == 204
    assert windows("PUT", "a.txt", body=b"windows'").status == 204
