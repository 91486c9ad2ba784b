"""The store's own files are nobody's, by whatever way they are reached: links to them, to their folder, other Aliases."""

import os

import harness
import pytest

import writing
from harness import RESOURCETYPE

STORE = "store.db"
LOCKINFO = ('<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
            '</D:lockinfo>')


@pytest.fixture(scope="module")
def linked():
    """The store in a folder of the repository, which URLs reach in several ways."""
    server = harness.Server(conf='DavMultistatusStore sqlite3 "{data}/in/kept/store.db"\nAlias "/by" "{root}/by"\n'
                            '<Directory "{root}/by">\nOptions FollowSymLinks\nRequire all granted\n</Directory>\n'
                            '<Location "/by">\nDavMultistatus On\n</Location>\n'
                            'Alias "/one" "{root}/one"\n<Location "/one">\nDavMultistatus On\nRequire all granted\n</Location>\n'
                            '<Directory "{root}">\nOptions FollowSymLinks\n</Directory>\n')
    (server.data / "in/kept").mkdir(parents=True)
    (server.root / "by").symlink_to(server.data / "in")
    (server.root / "one").symlink_to(server.data / "in/kept/store.db")
    (server.data / "folder").symlink_to("in/kept")
    (server.data / "file").symlink_to("in/kept/store.db")
    (server.data / "processes").symlink_to("in/kept/store.db-processes")
    writing.give(server.data)
    server.expect_log("DavMultistatusStore|below")
    server.start()
    dav = writing.Dav(server, server.data, "/dav/")
    dav.file("a.txt")
    dav.set("a.txt", color="red")
    dav.file("in/kept/plain.txt")
    os.link(server.data / "in/kept/store.db", server.data / "hard")
    yield dav
    wrong = server.stop()
    server.remove()
    assert not wrong, wrong


def ways(dav):
    names = {p.name for p in (dav.path / "in/kept").iterdir()} - {"plain.txt"}
    assert {STORE, STORE + "-wal", STORE + "-shm", STORE + "-lock", STORE + "-reserve",
            STORE + "-processes"} <= names
    own = sorted((dav.path / f"in/kept/{STORE}-processes").iterdir())
    for folder in ("/dav/in/kept/", "/dav/folder/", "/by/kept/", "/plain/folder/"):
        yield from (folder + name for name in names)
        yield from (f"{folder}{STORE}-processes/{p.name}" for p in own[:1])
    yield from ("/dav/file", "/dav/hard", "/dav/processes", "/dav/processes/", "/one", "/plain/file", "/plain/hard")
    yield from (f"/dav/processes/{p.name}" for p in own[:1])


def test_no_method_reaches_the_store(linked):
    before = os.stat(linked.path / "in/kept/store.db").st_ino
    for url in ways(linked):
        methods = [("GET", [], None), ("HEAD", [], None)]
        if not url.startswith("/plain/"):
            methods += [("PROPFIND", [("Depth", "0")], None), ("PUT", [], b"x"), ("DELETE", [], None), ("LOCK", [], LOCKINFO),
                        ("COPY", [("Destination", "/dav/out")], None), ("MOVE", [("Destination", "/dav/out")], None)]
        for method, headers, body in methods:
            answer = linked.server.ask(method, url, headers, body)
            assert answer.status in (403, 404), (method, url, answer)
        assert linked.server.ask("COPY", "/dav/a.txt", [("Destination", url)]).status in (403, 404, 502), url
    assert os.stat(linked.path / "in/kept/store.db").st_ino == before and linked.dead("a.txt") == {"color": "red"}


@pytest.mark.parametrize("body", [RESOURCETYPE, harness.ALLPROP])
def test_no_listing_names_it(linked, body):
    for url in ("/dav/", "/by/"):
        answer = linked.server.propfind(url, "infinity", body)
        assert b"store.db" not in answer.body and b"hard" not in answer.body and b"/file" not in answer.body
        assert b"plain.txt" in answer.body


@pytest.mark.parametrize("tree", ["/by/kept/", "/dav/in/", "/dav/folder/", "/by/"])
def test_no_tree_is_copied_moved_or_removed_with_it(linked, tree):
    before = sorted(p.name for p in (linked.path / "in/kept").iterdir())
    for method in ("COPY", "MOVE", "DELETE"):
        linked.server.ask(method, tree, [("Destination", "/dav/out/")])
        assert sorted(p.name for p in (linked.path / "in/kept").iterdir()) == before, method
        assert not list(linked.path.glob("out/**/store.db*")), method
    linked.server.ask("COPY", "/dav/a.txt", [("Destination", tree)])
    assert sorted(p.name for p in (linked.path / "in/kept").iterdir()) == before


def test_a_copy_of_links_to_it_leaves_it_out(linked):
    linked.file("links/plain.txt")
    (linked.path / "links/file").symlink_to("../in/kept/store.db")
    (linked.path / "links/folder").symlink_to("../in/kept")
    os.link(linked.path / "in/kept/store.db-wal", linked.path / "links/hard")
    assert linked.copy("links/", "copied/").status == 201
    assert set(linked.tree("copied")) == {"plain.txt", "folder", "folder/plain.txt"}
