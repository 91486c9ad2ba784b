"""Names that are nobody's, and URLs that lead out of the root (issue 5)."""

import urllib.parse

import pytest

import writing
from harness import ALLPROP, RESOURCETYPE

RESERVED = ".dav-multistatus-0f0f0f0f-0000-4000-8000-000000000000"
HIDDEN = {RESERVED: None, RESERVED + ".d/in.txt": None, ".DAV/props": None, "sub/.DAV/props.pag": None,
          "sub/deeper/" + RESERVED: None}
VISIBLE = {"open.txt", "sub/", "sub/open.txt", ".DAVE", ".dav", "x.DAV", ".dav-multi", "sub/deeper/"}
LOG = "AH00127|AH00126|AH00128|AH10244|AH00026|AH10411"


@pytest.fixture
def hidden(dav_on):
    dav = dav_on()
    for name in HIDDEN:
        dav.file(name, b"classified\n")
    for name in VISIBLE:
        if not name.endswith("/"):
            dav.file(name, b"public\n")
    yield dav
    for path in writing.leftovers(dav.path):  # that is what this is about: dav_on is not to complain
        (writing.shutil.rmtree if writing.os.path.isdir(path) else writing.os.unlink)(path)


def test_hidden_names_are_not_listed(hidden):
    assert set(hidden.propfind("", "infinity", RESOURCETYPE).below()) == VISIBLE
    assert set(hidden.propfind("", "1", ALLPROP).below()) == {n for n in VISIBLE if "/" not in n.rstrip("/")}


def spellings(name):
    yield name
    yield urllib.parse.quote(name).replace(".", "%2e", 1)
    yield name.replace("D", "%44", 1) if "DAV" in name else name.replace("d", "%64", 1)
    yield "./" + name
    yield "sub/../" + name
    yield "/" + name


@pytest.mark.parametrize("name", [*HIDDEN, ".DAV", ".DAV/", ".DAV/new", RESERVED + ".d", RESERVED + "-new", "sub/.DAV"])
def test_hidden_names_are_not_there_for_any_method(hidden, name):
    hidden.server.expect_log(LOG)
    before = hidden.tree()
    for url in spellings(name):
        for method, statuses, body, headers in [
                ("GET", (404, 403), None, []), ("HEAD", (404, 403), None, []), ("PROPFIND", (404, 403), None, [("Depth", "0")]),
                ("PUT", (403, 404, 405, 409), b"mine", []), ("DELETE", (403, 404), None, []), ("MKCOL", (403, 404, 405, 409), None, []),
                ("PROPPATCH", (403, 404), writing.update_body(("set", writing.prop("p", "v"))), []),
                ("LOCK", (403, 404, 409), '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype>'
                 '<D:write/></D:locktype></D:lockinfo>', []),
                ("COPY", (403, 404), None, [("Destination", "/dav/stolen")]),
                ("MOVE", (403, 404), None, [("Destination", "/dav/stolen")])]:
            answer = hidden.ask(method, url, headers, body)
            assert answer.status in statuses, (method, url, answer)
            assert b"classified" not in answer.body
    assert hidden.tree() == before


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("name", [".DAV", RESERVED + "-new", "sub/.DAV/x", ".DAV/props", RESERVED])
def test_hidden_names_are_no_destination(hidden, method, name):
    hidden.server.expect_log(LOG)
    before = hidden.tree()
    for url in spellings(name):
        answer = hidden.transfer(method, "open.txt", "/dav/" + url)
        assert 400 <= answer.status < 500, (url, answer)
        assert hidden.tree() == before, url


def test_a_copy_takes_nothing_hidden_along(hidden):
    assert hidden.copy("sub/", "there/").status == 201
    assert hidden.tree("there") == {"open.txt": b"public\n", "deeper": None}
    assert set(hidden.tree("sub")) == {"open.txt", ".DAV", ".DAV/props.pag", "deeper", "deeper/" + RESERVED}


def test_a_delete_takes_what_mod_dav_has_left_behind_along(hidden):
    """A folder that looks empty to its client can be removed."""
    assert hidden.delete("sub/").status == 204
    assert not (hidden.path / "sub").exists()


def test_the_store_in_the_repository_is_nobodys(dav_on):
    """An administrator's mistake must not open the locks and properties of all."""
    dav = dav_on(conf='DavMultistatusStore sqlite3 "{data}/inner/store.db"')
    dav.server.expect_log("DavMultistatusStore|below")
    dav.file("a.txt")
    dav.set("a.txt", color="red")
    dav.file("inner/plain.txt")
    names = {p.name for p in (dav.path / "inner").iterdir()}
    assert {"store.db", "store.db-wal"} <= names
    assert dav.propfind("inner/", "1", RESOURCETYPE).below() == ["plain.txt"]
    for name in sorted(names - {"plain.txt"}):
        for method, headers, body in [("GET", [], None), ("HEAD", [], None), ("PROPFIND", [("Depth", "0")], None),
                                      ("PUT", [], b"x"), ("DELETE", [], None), ("MOVE", [("Destination", "/dav/out")], None),
                                      ("COPY", [("Destination", "/dav/out")], None),
                                      ("PROPPATCH", [], writing.update_body(("set", writing.prop("p", "v"))))]:
            answer = dav.ask(method, "inner/" + name, headers, body)
            assert answer.status in (403, 404), (method, name, answer)
        for method in ("COPY", "MOVE"):
            assert dav.transfer(method, "a.txt", "inner/" + name).status in (403, 404)
    for method in ("DELETE", "MOVE"):
        dav.ask(method, "inner/", [("Destination", "/dav/out/")])
        assert (dav.path / "inner/store.db").exists()
    dav.copy("inner/", "out/")
    assert not (dav.path / "out/store.db").exists()
    assert dav.dead("a.txt") == {"color": "red"}


# -- out of the root

WAYS = ["../outside.txt", "..%2foutside.txt", "%2e%2e/outside.txt", "%2e%2e%2foutside.txt", "%2e%2e%2Foutside.txt",
        ".%2e/outside.txt", "sub/../../outside.txt", "sub/%2e%2e/%2e%2e/outside.txt", "sub%2f..%2f..%2foutside.txt",
        "..\\outside.txt", "..%5coutside.txt", "%252e%252e/outside.txt", "sub/..;/../outside.txt", "./.././outside.txt",
        "//../outside.txt", "..//outside.txt", "sub/.../../../outside.txt", "%c0%ae%c0%ae/outside.txt", "outside.txt%00",
        "open.txt%00.x", "%00", "sub%00/../../outside.txt", "..%00/outside.txt", "%2e%2e%00/outside.txt", "../", "..", "%2e%2e",
        "%2e%2e%2f", "sub/..%2f..", "~root/x", "/etc/passwd", "%2fetc%2fpasswd", "....//outside.txt"]


@pytest.fixture(scope="module", params=["Off", "On", "NoDecode"])
def started(request):
    from harness import Server
    server = Server(conf=f'AllowEncodedSlashes {request.param}\n', location="DavMultistatusSync Off")
    (server.root / "outside.txt").write_bytes(b"classified\n")
    writing.give(server.root / "outside.txt")
    writing.give(server.data)
    server.start()
    yield server
    wrong = server.stop()
    server.remove()
    assert not wrong, wrong


@pytest.fixture
def rooted(started):
    started.expect_log(LOG + "|AH01630")
    dav = writing.Dav(started, started.data, "/dav/")
    dav.file("sub/in.txt", b"public\n")
    dav.file("open.txt", b"public\n")
    yield dav
    for entry in writing.os.scandir(started.data):
        writing.shutil.rmtree(entry.path) if entry.is_dir() else writing.os.unlink(entry.path)


def around(dav):
    """What is beside the root, by name, and the file that is there to be got at."""
    root = dav.server.root
    names = sorted(str(p.relative_to(root)) for p in root.rglob("*")
                   if not str(p.relative_to(root)).startswith(("data/", "run", "logs", "state")))
    return names, (root / "outside.txt").read_bytes(), (root / "outside.txt").stat().st_ctime_ns


@pytest.mark.parametrize("way", WAYS)
def test_no_url_leads_out_of_the_root(rooted, way):
    before = around(rooted)
    for method, headers, body in [("GET", [], None), ("PROPFIND", [("Depth", "1")], None), ("PUT", [], b"mine"), ("DELETE", [], None),
                                  ("MKCOL", [], None), ("PROPPATCH", [], writing.update_body(("set", writing.prop("p", "v")))),
                                  ("COPY", [("Destination", "/dav/stolen")], None), ("MOVE", [("Destination", "/dav/stolen")], None)]:
        for prefix in ("", "sub/"):
            answer = rooted.ask(method, prefix + way, headers, body)
            assert b"classified" not in answer.body and b"root:" not in answer.body, answer
            assert b"outside.txt</D:href>" not in answer.body or answer.status != 207 \
                or b"/dav/" in answer.body, answer
            assert answer.status != 500, (method, prefix + way, answer)
            assert around(rooted) == before, (method, prefix + way, answer)
            assert b"classified\n" not in rooted.tree().values()


@pytest.mark.parametrize("way", WAYS)
def test_no_destination_leads_out_of_the_root(rooted, way):
    before = around(rooted)
    for method in ("COPY", "MOVE"):
        for prefix in ("/dav/", "/dav/sub/", f"http://127.0.0.1:{rooted.server.port}/dav/"):
            rooted.file("open.txt", b"public\n")
            answer = rooted.ask(method, "open.txt", [("Destination", prefix + way)])
            assert answer.status != 500, (method, prefix + way, answer)
            assert around(rooted) == before, (method, prefix + way, answer)


@pytest.mark.parametrize("raw", [b"/dav/../outside.txt", b"/dav/a\x00b", b"/dav/\x7f", b"/dav/a\tb"])
def test_bytes_that_no_header_may_have(rooted, raw):
    before = around(rooted)
    answer = rooted.ask("COPY", "open.txt", [("Destination", raw)])
    assert 400 <= answer.status < 600 and answer.status != 500 or answer.status in (201, 204), answer
    assert around(rooted) == before


# -- beyond what a walk can bear


def test_a_tree_too_deep_is_refused_and_not_half_removed_in_silence(dav_on):
    dav = dav_on()
    depth, folder = 260, dav.path / "deep"
    fd = writing.os.open(dav.path, writing.os.O_RDONLY)
    for name in ["deep"] + ["d"] * depth:
        writing.os.mkdir(name, dir_fd=fd)
        inner = writing.os.open(name, writing.os.O_RDONLY, dir_fd=fd)
        writing.os.fchown(inner, *[__import__("pwd").getpwnam(writing.WEB_USER)[i] for i in (2, 3)]) if writing.IS_ROOT else None
        writing.os.close(fd)
        fd = inner
    writing.os.close(fd)
    listing = dav.propfind("deep/", "infinity", RESOURCETYPE)
    assert listing.responses[-1].status == 507 and 150 < len(listing) < depth
    answer = dav.copy("deep/", "copy/")
    assert answer.status == 207 and b"507" in answer.body or b"403" in answer.body or b"414" in answer.body, answer
    assert folder.exists()
    answer = dav.delete("deep/")
    assert answer.status in (204, 207), answer
    assert folder.exists() == (answer.status == 207)
    writing.shutil.rmtree(folder)


def test_paths_longer_than_the_system_allows(dav_on):
    """4096 bytes for a path, 255 for a name: an answer, and no more than that."""
    dav = dav_on()
    dav.file("a.txt")
    for name in ("n" * 256, "n" * 2000, "/".join(["n" * 200] * 30), "n/" * 3000 + "x"):
        for method, headers, body in [("GET", [], None), ("PROPFIND", [("Depth", "0")], None), ("PUT", [], b"x"), ("MKCOL", [], None),
                                      ("DELETE", [], None)]:
            dav.server.expect_log("AH00036|AH00127|File name too long")
            answer = dav.ask(method, name, headers, body)
            assert 400 <= answer.status < 500, (method, len(name), answer)
        if len(name) < 7000:
            assert 400 <= dav.copy("a.txt", name).status < 500, len(name)
    assert dav.tree() == {"a.txt": b"hello\n"}


def test_a_tree_whose_paths_are_longer_than_the_system_allows(dav_on):
    """Made step by step, as a local user can: the walk goes by descriptor, and must end well where httpd's own mapping of
    such a URL to a path can't."""
    dav = dav_on()
    fd = writing.os.open(dav.path, writing.os.O_RDONLY)
    for name in ["long"] + ["n" * 250] * 20:
        writing.os.mkdir(name, dir_fd=fd)
        inner = writing.os.open(name, writing.os.O_RDONLY, dir_fd=fd)
        writing.os.fchown(inner, *[__import__("pwd").getpwnam(writing.WEB_USER)[i] for i in (2, 3)]) if writing.IS_ROOT else None
        writing.os.close(fd)
        fd = inner
    writing.os.close(fd)
    dav.server.expect_log("AH00036|AH00127|File name too long")
    listing = dav.propfind("long/", "infinity", RESOURCETYPE)
    assert len(listing) >= 15 and all(400 <= r.status < 600 for r in listing if r.status)
    for answer in (dav.copy("long/", "copy/"), dav.move("long/", "moved/"), dav.delete("long/"), dav.delete("moved/"), dav.delete("copy/")):
        assert answer.status in (201, 204, 207, 403, 404, 414), answer
    for name in ("long", "moved", "copy"):
        writing.shutil.rmtree(dav.path / name, ignore_errors=True)
