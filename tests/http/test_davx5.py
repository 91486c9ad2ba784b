"""What DAVx5 sends for a WebDAV mount of Android's (its public source): it shows what the privileges allow, reads pieces of
a file that it knows by its tag, and finds a free name by what is refused with 412."""

import os

import pytest

from harness import DAV
from replay import Client

HEADERS = [("User-Agent", "DAVx5/4.5.5-ose (dav4jvm; okhttp) Android/15"), ("Accept-Language", "de-DE, *;q=0.7")]
# Of what has a tag it wants no compressed form, whose tag would be another.
IDENTITY = ("Accept-Encoding", "identity")
PROPERTIES = ["resourcetype", "current-user-privilege-set", "displayname", "getetag", "getcontenttype", "getcontentlength",
              "getlastmodified", "quota-available-bytes", "quota-used-bytes"]
PROPFIND = ("<?xml version='1.0' encoding='UTF-8' ?><propfind xmlns=\"DAV:\" xmlns:CAL=\"urn:ietf:params:xml:ns:caldav\" "
            'xmlns:CARD="urn:ietf:params:xml:ns:carddav"><prop>' + "".join(f"<{name} />" for name in PROPERTIES)
            + "</prop></propfind>")


class Mount:
    """The steps of its documents provider."""

    def __init__(self, dav, ask):
        self.dav, self.ask = dav, ask

    def children(self, name=""):
        """{href: Response} of the folder itself, which has to be there, and its members."""
        answer = self.ask("PROPFIND", name, ("Depth", "1"), ("Content-Type", "application/xml; charset=utf-8"),
                          ("Accept-Encoding", "gzip"), body=PROPFIND).multistatus(self.dav.url + name)
        return {r.href: r for r in answer}

    def create(self, name):
        """As soon as somebody names a document, and before there is content."""
        return self.ask("PUT", name, ("If-None-Match", "*"), ("Content-Length", "0")).status

    def write(self, name, *pieces, kind="text/plain"):
        """What a program writes is not known to its end."""
        return self.ask("PUT", name, ("Content-Type", kind), chunks=pieces).status

    def look(self, name):
        answer = self.ask("HEAD", name, IDENTITY)
        assert answer.status == 200 and answer.get("Accept-Ranges") == "bytes"  # else it reads the whole
        return answer

    def page(self, name, tag, offset, size):
        return self.ask("GET", name, IDENTITY, ("Accept", "image/jpeg, */*;q=0.8"), ("If-Match", tag),
                        ("Range", f"bytes={offset}-{offset + size - 1}"))

    def transfer(self, method, name, to):
        url = f"http://127.0.0.1:{self.dav.server.port}{self.dav.url}{to}"
        return self.ask(method, name, ("Destination", url), ("Overwrite", "F"), ("Content-Length", "0")).status


@pytest.fixture
def mount(dav, client):
    return Mount(dav, client(HEADERS))


def privileges(response):
    element = response.prop("current-user-privilege-set")
    return {child[0].tag.removeprefix("{%s}" % DAV) for child in element}


def test_finding_the_mount(dav_on):
    """By OPTIONS of the URL that somebody has typed, most often without the slash."""
    dav = dav_on(conf='<Location "/dav">\nDavMultistatus On\n</Location>\n')
    with dav.server.connect() as connection:
        answer = Client(dav, connection, HEADERS)("OPTIONS", "", base="/dav")
    assert answer.status == 200 and answer.tokens("DAV") & {"1", "2", "3"}


def test_listing(mount):
    mount.dav.file("a b.txt", b"12345")
    mount.dav.folder("d")
    told = mount.children()
    assert list(told)[0] == mount.dav.url and set(told) == {mount.dav.url + n for n in ("", "a%20b.txt", "d/")}
    folder, document = told[mount.dav.url], told[mount.dav.url + "a%20b.txt"]
    assert folder.is_collection and not document.is_collection
    assert privileges(folder) >= {"bind", "unbind"} and "write-content" in privileges(document)
    disk = os.statvfs(mount.dav.path)
    assert abs(int(folder.text("quota-available-bytes")) - disk.f_bavail * disk.f_frsize) < 1 << 30
    assert (document.text("getcontentlength"), document.text("getcontenttype")) == ("5", "text/plain")
    assert document.text("getetag") == mount.look("a%20b.txt").get("ETag")


def test_what_may_not_be_done_is_not_offered(dav_on):
    dav = dav_on(location="Require method GET HEAD OPTIONS PROPFIND")
    dav.server.expect_log("AH01630: client denied by server configuration")
    dav.file("a.txt")
    with dav.server.connect() as connection:
        mount = Mount(dav, Client(dav, connection, HEADERS))
        for response in mount.children().values():
            assert not privileges(response) & {"all", "write", "bind", "unbind", "write-content"}
        assert mount.create("new.txt") == 403


def test_a_new_document(mount):
    assert mount.create("note.txt") == 201
    assert mount.create("note.txt") == 412  # so it tries the next name
    assert mount.create("note_1.txt") == 201
    assert mount.look("note_1.txt").get("Content-Length") == "0"
    assert mount.write("note_1.txt", b"written ", b"in pieces") == 204
    assert mount.ask("MKCOL", "d", ("Content-Length", "0")).status == 201
    assert mount.create("d/%C3%BC.txt") == 201 and mount.write("d/%C3%BC.txt") == 204
    assert mount.dav.tree() == {"note.txt": b"", "note_1.txt": b"written in pieces", "d": None, "d/ü.txt": b""}


def test_reading_here_and_there(mount):
    """A photo's viewer: pages of one state of the file, or an error."""
    content = os.urandom(300_000)
    mount.dav.file("p.jpg", content)
    answer = mount.look("p.jpg")
    tag, size = answer.get("ETag"), int(answer.get("Content-Length"))
    assert tag[0] == '"' and size == len(content)  # it makes no use of a weak one
    for offset, length in ((0, 100_000), (299_000, 1000), (150_000, 1)):
        answer = mount.page("p.jpg", tag, offset, length)
        assert (answer.status, answer.body) == (206, content[offset:offset + length])
    assert mount.write("p.jpg", content[::-1], kind="image/jpeg") == 204
    assert mount.page("p.jpg", tag, 0, 1000).status == 412
    assert mount.page("p.jpg", mount.look("p.jpg").get("ETag"), 0, 3).body == content[:-4:-1]


def test_names_that_are_taken(mount):
    mount.dav.file("a.txt", b"a")
    mount.dav.file("d/a.txt", b"other")
    for method in ("COPY", "MOVE"):
        assert mount.transfer(method, "a.txt", "d/a.txt") == 412
        assert mount.transfer(method, "a.txt", "d/a_1.txt") == 201
        mount.dav.file("a.txt", b"a")
        mount.ask("DELETE", "d/a_1.txt")
    assert mount.transfer("MOVE", "d/", "e/") == 201 and mount.transfer("COPY", "e/", "f/") == 201
    for name in ("a.txt", "e/", "f/"):
        assert mount.ask("DELETE", name).status == 204
    assert mount.dav.tree() == {}
