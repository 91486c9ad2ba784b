"""A provider of somebody else's that can be written to, tests/http/modules/mod_dav_memory.c: each method on it, what it
leaves out, and its neighbours. Whatever these tests see on the disk is wrong."""

import itertools
import threading

import pytest

import harness
import locking
import modules
from harness import ALLPROP, RESOURCETYPE, StartError, http_date, prop_body
from writing import Dav, prop, update_body

LOAD = modules.load_line(modules.OWN / "mod_dav_memory.c", "dav_memory")
PLACE = """
<Location "/{0}">
    DavMultistatus {0}
    DavMultistatusSetModified On
    Require all granted
    {1}
</Location>
"""
CONF = "AccessFileName .acl\n" + LOAD + "".join(PLACE.format(name, "") for name in ("memory", "memory-readonly", "memory-partial")) + """
<LocationMatch "^/memory/.*/undeletable">
    <Limit DELETE>
        Require all denied
    </Limit>
</LocationMatch>
<LocationMatch "^/memory/.*/elsewhere">
    DavMultistatus memory-partial
</LocationMatch>
"""
FACTS = prop_body("getetag", "getcontentlength", "getlastmodified", "creationdate", "getcontenttype", "resourcetype")
WRITING = {"PUT", "MKCOL", "DELETE", "COPY", "MOVE", "PROPPATCH", "LOCK", "UNLOCK"}


@pytest.fixture(scope="module")
def memory_server():
    server = harness.Server(conf=CONF, servers=1).start()
    yield server
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


counter = itertools.count(1)


@pytest.fixture
def server(memory_server):
    memory_server.expected = []
    memory_server.log_seen = len(memory_server.log_text())
    yield memory_server
    wrong = memory_server.new_alarms()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def mem(server):
    """The Dav of an empty collection of the test's own; what it does leaves nothing on the disk."""
    name = f"t{next(counter)}"
    top = Dav(server, server.data, "/memory/")
    assert top.mkcol(name).status == 201
    before = sorted(server.data.rglob("*"))
    yield Dav(server, server.data, f"/memory/{name}/")
    assert sorted(server.data.rglob("*")) == before


def make(dav, files):
    """Makes {path: content}; None is a collection. Collections come before what is in them."""
    for path, content in files.items():
        answer = dav.mkcol(path) if content is None else dav.put(path, content)
        assert answer.status == 201, (path, answer)


def state(dav, name=""):
    """All that there is at and below: {path: (content, dead properties, tokens)}; {} for nothing."""
    if dav.try_propfind(name).status == 404:
        return {}
    found = {}
    dead = dav.dead(name, "infinity")
    for response in dav.propfind(name, "infinity", locking.DISCOVERY):
        path = response.href[len(dav.url):]
        content = None if path.endswith("/") or not path else dav.get(path).body
        tokens = {a.token for a in locking.actives(response.prop("lockdiscovery"))}
        found[path] = content, dead[path[len(name):]], tokens
    return found


def contents(dav, name=""):
    return {path[len(name):]: content for path, (content, _, _) in state(dav, name).items() if path != name}


TREE = {"a/": None, "a/one.txt": b"1", "a/b/": None, "a/b/two.txt": b"22", "a/b/empty": b"", "a/b/c/": None}
BELOW = {path[2:]: content for path, content in TREE.items() if path != "a/"}


# ---------------------------------------------------------------------------------------------- files


def test_get_and_head(mem):
    content = bytes(range(256)) * 1000
    made = mem.put("x.html", content)
    assert made.status == 201
    answer = mem.get("x.html")
    assert answer.status == 200 and answer.body == content
    assert answer.get("ETag") == made.get("ETag") == mem.etag("x.html")
    assert answer.get("Content-Type") == "text/html"
    head = mem.ask("HEAD", "x.html")
    assert head.status == 200 and head.get("Content-Length") == "256000" and head.get("ETag") == made.get("ETag")
    assert mem.get("nothing").status == 404
    assert mem.get("x.html/").status == 404


@pytest.mark.parametrize("spec, wanted", [("bytes=0-0", slice(0, 1)), ("bytes=100-199", slice(100, 200)),
                                          ("bytes=-7", slice(-7, None)), ("bytes=990-", slice(990, None))])
def test_ranges(mem, spec, wanted):
    content = bytes(i % 251 for i in range(1000))
    mem.put("x", content)
    answer = mem.get("x", ("Range", spec))
    assert answer.status == 206 and answer.body == content[wanted]
    assert mem.get("x", ("Range", "bytes=1000-")).status == 416


def test_conditions(mem):
    etag = mem.put("x", b"first").get("ETag")
    assert mem.get("x", ("If-None-Match", etag)).status == 304
    assert mem.get("x", ("If-None-Match", '"other"')).status == 200
    assert mem.get("x", ("If-Match", '"other"')).status == 412
    mem.put("old", b"x", ("X-OC-Mtime", "1000000000"))
    assert mem.get("old", ("If-Modified-Since", http_date(1000000000))).status == 304
    assert mem.get("old", ("If-Modified-Since", http_date(999999999))).status == 200
    assert mem.get("x", ("If-Unmodified-Since", http_date(1000000000))).status == 412
    assert mem.put("x", b"other", ("If-None-Match", "*")).status == 412
    assert mem.put("x", b"other", ("If-Match", '"other"')).status == 412
    assert mem.put("x", b"other", ("If", '(["other"])')).status == 412
    assert mem.put("new", b"other", ("If-Match", "*")).status == 412
    assert mem.get("x").body == b"first"
    answer = mem.put("x", b"second", ("If", f"([{etag}])"))
    assert answer.status == 204 and answer.get("ETag") not in (None, etag)
    assert mem.get("x").body == b"second"


def test_put(mem):
    big = b"0123456789abcdef" * 65536
    assert mem.put("big", None, chunks=[big[:99999], big[99999:]]).status == 201
    assert mem.get("big").body == big
    assert mem.put("none/x").status == 409
    assert mem.put("big/x").status == 409
    assert mem.put("y/").status == 409
    assert mem.mkcol("c").status == 201
    assert mem.put("c").status == 405
    answer = mem.put("timed", b"x", ("X-OC-Mtime", "1000000000"))
    assert answer.get("X-OC-MTime") == "accepted"
    assert mem.get("timed").get("Last-Modified") == http_date(1000000000)
    assert contents(mem) == {"big": big, "c/": None, "timed": b"x"}


@pytest.mark.parametrize("spec, body, after", [("bytes 0-2/10", b"abc", b"abc3456789"),
                                               ("bytes 8-11/*", b"wxyz", b"01234567wxyz"),
                                               ("bytes 12-13/14", b"zz", b"0123456789\0\0zz")])
def test_parts_are_written(mem, spec, body, after):
    mem.put("x", b"0123456789")
    assert mem.put("x", body, ("Content-Range", spec)).status == 204
    assert mem.get("x").body == after


def test_a_part_makes_a_file(mem):
    assert mem.put("new", b"abc", ("Content-Range", "bytes 1-3/4")).status == 201
    assert mem.get("new").body == b"\0abc"


def test_parts_by_patch(mem):
    mem.put("x", b"0123456789")
    kind = ("Content-Type", "application/x-sabredav-partialupdate")
    assert mem.ask("PATCH", "x", [kind, ("X-Update-Range", "append")], b"abc").status == 204
    assert mem.get("x").body == b"0123456789abc"
    assert "PATCH" in mem.ask("OPTIONS", "x").tokens("Allow")


def test_parts_that_are_wrong_change_nothing(mem):
    mem.put("x", b"0123456789")
    assert mem.put("x", b"abc", ("Content-Range", "bytes 0-1/10")).status == 400
    assert mem.put("x", b"abc", ("Content-Range", "bytes 0-9/10")).status == 400
    assert mem.put("x", b"abc", ("Content-Range", "lines 0-2/10")).status == 400
    assert mem.put("x", b"a", ("Content-Range", "bytes 268435456-268435456/*")).status == 413
    assert contents(mem) == {"x": b"0123456789"}


def test_a_body_that_breaks_off_changes_nothing(mem):
    mem.put("x", b"before")
    with mem.server.connect() as connection:
        connection.send_head("PUT", mem.url + "x", [("Content-Length", "1000")])
        connection.socket.sendall(b"half")
        connection.reset()
    assert mem.put("y", b"done").status == 201
    assert contents(mem) == {"x": b"before", "y": b"done"}


# ---------------------------------------------------------------------------------------------- collections


def test_propfind(mem):
    make(mem, TREE)
    assert [r.path for r in mem.propfind("a/", "0")] == [(mem.url + "a/").encode()]
    assert mem.propfind("a/", "1", RESOURCETYPE).names() == ["b/", "one.txt"]
    assert mem.propfind("a/", "infinity", RESOURCETYPE).below() == sorted(BELOW)
    assert mem.propfind("a", "1", RESOURCETYPE).names() == ["b/", "one.txt"]
    result = mem.propfind("a/", "1", FACTS)
    one, b = result["one.txt"], result["b/"]
    assert one.text("getcontentlength") == "1" and one.text("getcontenttype") == "text/plain"
    assert one.text("getetag") == mem.get("a/one.txt").get("ETag")
    assert one.text("getlastmodified") == mem.get("a/one.txt").get("Last-Modified")
    assert b.is_collection and not one.is_collection and b.text("getcontentlength") is None
    assert b.text("creationdate")
    assert mem.try_propfind("nothing").status == 404
    assert mem.try_propfind("a/one.txt/").status == 404


@pytest.mark.parametrize("name", ["%20", "a%26b%3Cc", "%C3%BC", "%FF%80", "%25%23%3F", "x" * 700, "-", "a;b=c"])
def test_names(mem, name):
    assert mem.put(name, b"x").status == 201
    (_, member) = mem.propfind("", "1", RESOURCETYPE)
    assert mem.server.get(member.href).body == b"x"
    assert mem.copy(name, "c", ("Depth", "0")).status == 201 and mem.move("c", name + "2").status == 201
    mem.set(name, p="1")
    assert mem.dead(name) == {"p": "1"}
    assert mem.delete(name).status == 204 and mem.delete(name + "2").status == 204
    assert contents(mem) == {}


def test_mkcol(mem):
    assert mem.mkcol("c/").status == 201
    assert mem.mkcol("c").status == 405
    assert mem.mkcol("d/e").status == 409
    assert mem.ask("MKCOL", "f", body=b"<x/>").status == 415
    mem.put("x")
    assert mem.mkcol("x").status == 405
    assert mem.mkcol("x/y").status == 409
    assert contents(mem) == {"c/": None, "x": b"hello\n"}


def test_delete(mem):
    make(mem, TREE)
    mem.set("a/b/two.txt", p="1")
    assert mem.delete("a/one.txt").status == 204
    assert mem.delete("a/one.txt").status == 404
    assert mem.delete("a/", ("Depth", "0")).status == 400
    assert mem.delete("a/", ("If-Match", '"other"')).status == 412
    assert mem.delete("a/").status == 204
    assert contents(mem) == {}
    make(mem, {"a/": None, "a/b/": None, "a/b/two.txt": b"new"})
    assert mem.dead("a/b/two.txt") == {}
    assert mem.server.ask("DELETE", "/memory/").status == 403


def test_more_members_than_a_buffer_holds(mem):
    names = [f"f{i:03}" for i in range(400)]
    for name in names:
        assert mem.put(name, b"x").status == 201
    assert mem.propfind("", "1", ALLPROP).names() == names
    assert mem.delete("").status == 204
    assert mem.try_propfind("").status == 404


# ---------------------------------------------------------------------------------------------- COPY and MOVE


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("there", [None, "file", "tree"])
@pytest.mark.parametrize("what", ["file", "tree"])
def test_transfer(mem, method, what, there):
    make(mem, TREE)
    mem.set("a/one.txt", p="1")
    mem.set("a/b/", p="b")
    mem.set("a/b/two.txt", p="2")
    make(mem, {"file": {"to": b"there"}, "tree": {"to/": None, "to/old/": None, "to/old/x": b"there"}}.get(there, {}))
    source = "a/one.txt" if what == "file" else "a/b/"
    target = "to/" if what == "tree" and there != "file" else "to"
    before = state(mem, source)
    if there:
        mem.set("to", old="1")
        assert mem.transfer(method, source, target, ("Overwrite", "F")).status == 412
    assert mem.transfer(method, source, target).status == (204 if there else 201)
    target = "to" if what == "file" else "to/"
    after = {source + path[len(target):]: value for path, value in state(mem, target).items()}
    assert after == before
    assert state(mem, source) == (before if method == "COPY" else {})
    others = set(TREE) - (set(before) if method == "MOVE" else set())
    assert {p for p in contents(mem) if p.startswith("a/")} == others


def test_copies_of_depth_0_and_of_parts_of_each_other(mem):
    make(mem, TREE)
    mem.set("a/", p="1")
    assert mem.copy("a/", "c/", ("Depth", "0")).status == 201
    assert contents(mem, "c/") == {} and mem.dead("c/") == {"p": "1"}
    assert mem.copy("a/", "a/b/c/d/").status == 403
    assert mem.move("a/", "a/b/new/").status == 403
    assert mem.copy("a/b/", "a/").status == 403
    assert mem.copy("a/one.txt", "a/one.txt").status == 403
    assert mem.copy("a/one.txt", "none/x").status == 409
    assert mem.move("nothing", "x").status == 404
    assert contents(mem, "a/") == BELOW


def test_a_copy_has_its_own_life(mem):
    mem.put("x", b"content", ("X-OC-Mtime", "1000000000"))
    etag = mem.etag("x")
    mem.copy("x", "copy")
    assert mem.move("x", "moved").status == 201
    assert mem.etag("moved") == etag != mem.etag("copy")
    assert mem.get("moved").get("Last-Modified") == http_date(1000000000) != mem.get("copy").get("Last-Modified")
    mem.put("copy", b"other")
    assert contents(mem) == {"moved": b"content", "copy": b"other"}


# ---------------------------------------------------------------------------------------------- properties and locks


def test_proppatch(mem):
    mem.put("x")
    mem.set("x", p="1", q="2")
    response = mem.patched("x", ("remove", prop("q")), ("set", prop("r", "3")))
    assert response.locals() == {"q", "r"}
    assert mem.dead("x") == {"p": "1", "r": "3"}
    refused = mem.patched("x", ("set", prop("getetag", "x", harness.DAV)), ("set", prop("p", "9")))
    assert refused.locals(403) == {"getetag"}
    assert mem.dead("x") == {"p": "1", "r": "3"}
    mem.patched("x", ("set", prop("getlastmodified", http_date(1000000000), harness.DAV)))
    assert mem.get("x").get("Last-Modified") == http_date(1000000000)
    assert mem.proppatch("nothing", ("set", prop("p"))).status == 404


def test_locks(mem):
    make(mem, TREE)
    lock = locking.lock(mem, "a/")
    assert mem.put("a/one.txt", b"x").status == 423
    locking.refused(mem.put("a/new", b"x"), mem.url + "a/")
    assert mem.delete("a/b/").status == 423 and mem.move("a/b/", "z/").status == 423 and mem.mkcol("a/d").status == 423
    assert locking.ask_lock(mem, "a/b/two.txt").status == 423
    assert mem.copy("a/b/", "z/").status == 201 and locking.tokens_on(mem, "z/") == set()
    assert locking.tokens_on(mem, "a/b/two.txt") == {lock.token}
    assert mem.put("a/new", b"x", lock.tagged(mem.url + "a/")).status == 201
    assert locking.refresh(mem, "a/", lock.token).status == 200
    assert locking.unlock(mem, "a/", lock.token).status == 204
    assert mem.put("a/one.txt", b"x").status == 204


def test_a_lock_of_nothing_makes_an_empty_file(mem):
    lock = locking.lock(mem, "new", status=201)
    assert mem.get("new").body == b"" and mem.put("new", b"x").status == 423
    assert mem.put("new", b"x", lock.submit).status == 204
    assert mem.delete("new", lock.submit).status == 204
    assert mem.put("new", b"y").status == 201 and locking.tokens_on(mem, "new") == set()


# ---------------------------------------------------------------------------------------------- partial failure


def failed(mem, answer):
    """{path: status} of a 207 that tells of failures only."""
    assert all(r.status and not r.propstats for r in answer.multistatus())
    return {r.href[len(mem.url):]: r.status for r in answer.multistatus()}


def test_what_is_locked_stays_when_a_tree_goes(mem):
    make(mem, TREE)
    lock = locking.lock(mem, "a/b/two.txt")
    mem.set("a/one.txt", p="1")
    assert failed(mem, mem.delete("a/")) == {"a/b/two.txt": 423}
    assert state(mem, "a/") == {"a/": (None, {}, set()), "a/b/": (None, {}, set()),
                                "a/b/two.txt": (b"22", {}, {lock.token})}


def test_what_is_denied_stays_when_a_tree_goes(mem):
    make(mem, {**TREE, "a/undeletable": b"x", "a/b/undeletable/": None, "a/b/undeletable/y": b"y"})
    assert failed(mem, mem.delete("a/")) == {"a/undeletable": 403, "a/b/undeletable/": 403}
    assert contents(mem, "a/") == {"b/": None, "b/undeletable/": None, "b/undeletable/y": b"y", "undeletable": b"x"}


def test_what_is_denied_stays_when_a_tree_is_moved(mem):
    make(mem, {**TREE, "a/undeletable": b"x"})
    mem.set("a/one.txt", p="1")
    mem.set("a/undeletable", p="x")
    assert failed(mem, mem.move("a/", "z/")) == {"a/undeletable": 403}
    assert contents(mem, "a/") == {"undeletable": b"x"} and mem.dead("a/undeletable") == {"p": "x"}
    assert contents(mem, "z/") == BELOW and mem.dead("z/one.txt") == {"p": "1"}


def test_what_is_another_providers_stays(mem):
    """mod_dav_memory shows one tree by all its providers, so that there is something to be spoilt."""
    make(mem, {**TREE, "a/gone/": None})
    assert mem.move("a/gone/", "a/elsewhere/").status == 502
    assert beside(mem, "memory-partial").mkcol("a/elsewhere").status == 201
    assert failed(mem, mem.delete("a/")) == {"a/elsewhere/": 403}
    assert contents(mem, "a/") == {"elsewhere/": None}


def test_what_the_provider_refuses_is_told(mem):
    make(mem, {"a/": None, "a/x": b"x"})
    answer = mem.server.ask("COPY", "/memory/crashed/", [("Destination", mem.url + "a/z/")])
    assert [(r.href, r.status) for r in answer.multistatus()] == [("/memory/crashed/unreadable", 403)]
    make(mem, {"a/y": b"y"})
    assert contents(mem, "a/") == {"x": b"x", "y": b"y", "z/": None}
    assert mem.server.ask("GET", "/memory/crashed/unreadable").status == 403


# ---------------------------------------------------------------------------------------------- beside other providers


def test_what_has_no_files_has_none_that_configures_httpd(mem):
    assert mem.put(".acl").status == 201 and mem.move(".acl", "a").status == 201


@pytest.fixture
def twins(server):
    """(Dav of the fs provider, Dav of memory) at folders that both providers know by the same key."""
    name = f"twin{next(counter)}"
    top = Dav(server, server.data, "/memory/")
    folder = ""
    for segment in (server.data / name).parts[1:]:
        folder += segment + "/"
        assert top.mkcol(folder).status in (201, 405)
    disk = Dav(server, server.data, "/dav/")
    assert disk.mkcol(name).status == 201
    yield Dav(server, server.data, f"/dav/{name}/"), Dav(server, server.data, f"/memory/{folder}")
    assert disk.delete(name).status == 204


@pytest.mark.parametrize("first", [0, 1])
def test_what_is_kept_of_one_is_not_the_others(twins, first):
    one, other = twins[first], twins[1 - first]
    for dav in twins:
        make(dav, TREE)
    one.set("a/one.txt", p="one")
    one.set("a/b/", p="one")
    assert other.dead("a/", "infinity") == {path[2:]: {} for path in TREE}
    other.set("a/one.txt", p="other")
    lock = locking.lock(one, "a/")
    assert locking.tokens_on(other, "a/one.txt") == set() and other.put("a/one.txt", b"1").status == 204
    locking.lock(other, "a/")
    before = state(other)
    assert one.move("a/", "z/", lock.tagged(one.url + "a/")).status == 201
    assert one.delete("z/").status == 204
    assert state(other) == before and before["a/one.txt"][1] == {"p": "other"}
    assert other.delete("a/", ("If", f"<{other.url}a/> (<{before['a/'][2].pop()}>)")).status == 204


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_nothing_goes_from_one_to_the_other(twins, method, first):
    one, other = twins[first], twins[1 - first]
    for dav in twins:
        make(dav, TREE)
        dav.set("a/one.txt", p="1")
    before = state(one), state(other)
    for source, target in (("a/one.txt", "new"), ("a/one.txt", "a/one.txt"), ("a/", "new/"), ("a/", "a/")):
        assert one.transfer(method, source, other.url + target).status == 502
    assert (state(one), state(other)) == before


# ---------------------------------------------------------------------------------------------- what is left out


def options(dav, name=""):
    answer = dav.ask("OPTIONS", name)
    assert answer.status == 200
    return answer.tokens("Allow") - {"TRACE"}, answer.tokens("DAV")


def test_options(mem):
    mem.put("x")
    collection = {"GET", "HEAD", "OPTIONS", "PROPFIND", "PROPPATCH", "DELETE", "COPY", "MOVE", "LOCK", "UNLOCK"}
    classes = {"1", "2", "3", "extended-mkcol", "sabredav-partialupdate"}
    assert options(mem) == (collection, classes)
    assert options(mem, "x") == (collection | {"PUT", "PATCH"}, classes)
    assert options(mem, "new") == ({"OPTIONS", "PUT", "MKCOL", "LOCK"}, classes)
    assert mem.get().status == mem.ask("HEAD").status == 200
    answer = mem.ask("PUT", body=b"x")
    assert answer.status == 405 and answer.tokens("Allow") - {"TRACE"} == collection


def beside(mem, provider):
    return Dav(mem.server, mem.server.data, mem.url.replace("/memory/", f"/{provider}/"))


def refused(dav, method, name, allowed):
    headers = [("Destination", dav.url + "new")] if method in ("COPY", "MOVE") else []
    body = locking.lock_body() if method == "LOCK" else None
    answer = dav.ask(method, name, headers, body)
    assert answer.status == 405, (method, name, answer)
    assert answer.tokens("Allow") - {"TRACE"} == allowed, (method, name)


def test_reading_alone(mem):
    make(mem, TREE)
    read = beside(mem, "memory-readonly")
    assert read.get("a/one.txt").body == b"1"
    assert read.propfind("a/", "infinity", RESOURCETYPE).below() == sorted(BELOW)
    before = state(mem)
    for name, allowed in {"a/": {"OPTIONS", "PROPFIND", "GET", "HEAD"}, "a/one.txt": {"OPTIONS", "PROPFIND", "GET", "HEAD"},
                          "other": {"OPTIONS"}}.items():
        assert options(read, name) == (allowed, {"1", "3"})
        for method in WRITING:
            refused(read, method, name, allowed)
    assert state(mem) == before


def test_some_of_it(mem):
    make(mem, TREE)
    part = beside(mem, "memory-partial")
    collection = {"GET", "HEAD", "OPTIONS", "PROPFIND", "PROPPATCH", "DELETE", "LOCK", "UNLOCK"}
    assert options(part, "a/") == (collection, {"1", "2", "3", "extended-mkcol"})
    for name, allowed in {"a/": collection, "a/one.txt": collection,
                          "other": {"OPTIONS", "MKCOL"}}.items():
        assert options(part, name)[0] == allowed
        for method in ("PUT", "COPY", "MOVE"):
            refused(part, method, name, allowed)
    refused(part, "LOCK", "other", {"OPTIONS", "MKCOL"})
    part.set("a/one.txt", p="1")
    assert mem.dead("a/one.txt") == {}
    protected = part.patched("a/one.txt", ("set", prop("getlastmodified", http_date(1000000000), harness.DAV)))
    assert protected.locals(403) == {"getlastmodified"}
    lock = locking.lock(part, "a/one.txt")
    assert part.delete("a/one.txt").status == 423 and part.delete("a/one.txt", lock.submit).status == 204
    assert part.mkcol("a/d").status == 201 and part.delete("a/").status == 204
    assert contents(mem) == {}


@pytest.mark.parametrize("name", ["nosuch", "memory-old", "memoryx"])
def test_what_is_no_provider_stops_the_start(name):
    with pytest.raises(StartError) as error:
        harness.Server(conf=LOAD + PLACE.format("x", "").replace("DavMultistatus x", f"DavMultistatus {name}"),
                       servers=1).start()
    assert "no provider is named" in error.value.text and name in error.value.text


# ---------------------------------------------------------------------------------------------- httpd around it


def test_reserved_names_are_nobodys(mem):
    """In mod_dav_memory's "crashed" there is one that can't be read, which a COPY would fail for."""
    answer = mem.server.ask("COPY", "/memory/crashed/", [("Destination", mem.url + "copy")])
    assert [r.href for r in answer.multistatus()] == ["/memory/crashed/unreadable"]
    assert mem.server.propfind("/memory/crashed/", "1", RESOURCETYPE).names() == ["unreadable"]
    for name in (".DAV", ".dav-multistatus-x", "c/.DAV/x"):
        assert mem.put(name).status == 403 and mem.mkcol(name).status == 403 and mem.get(name).status == 404


def test_what_is_in_the_document_root_does_not_matter(httpd):
    lines = "Options +MultiViews +Indexes\nFallbackResource /dav/fallback"
    root = httpd(conf=LOAD + 'DocumentRoot "{data}"\n' + PLACE.format("memory", lines), servers=1)
    mem = Dav(root.server, root.path, "/memory/")
    root.file("fallback", b"on the disk")
    root.file("memory/secret.txt", b"on the disk")
    root.file("memory/index.html", b"on the disk")
    root.folder("memory/folder")
    root.file("memory/x.txt", b"on the disk")
    assert mem.propfind("", "1", RESOURCETYPE).names() == ["crashed/"]
    assert mem.get("secret.txt").status == 404 and mem.get("secret").status == 404
    assert mem.get("index.html").status == 404 and b"index.html" not in mem.get("").body
    assert mem.put("x", b"in memory").status == 201 and mem.get("x").body == b"in memory"
    assert mem.put("folder", b"in memory").status == 201 and mem.get("folder").body == b"in memory"
    assert mem.mkcol("secret.txt").status == 201 and mem.put("secret.txt/y", b"y").status == 201
    assert mem.server.ask("DELETE", "/memory/crashed/").status == 204
    assert contents(mem) == {"x": b"in memory", "folder": b"in memory", "secret.txt/": None, "secret.txt/y": b"y"}


def test_a_repository_at_the_root_of_the_server(httpd):
    root = httpd(conf=LOAD + '<Location "/">\nDavMultistatus memory\nRequire all granted\n</Location>\n', dav=False,
                 servers=1)
    mem = Dav(root.server, root.path, "/")
    make(mem, TREE)
    assert mem.copy("a/", "z/").status == 201 and mem.move("a/", "y/").status == 201
    mem.set("", p="root")
    assert mem.dead("") == {"p": "root"}
    lock = locking.lock(mem, "")
    assert mem.delete("z/").status == 423 and mem.delete("z/", lock.tagged("/")).status == 204
    assert contents(mem, "y/") == BELOW


# ---------------------------------------------------------------------------------------------- many at once


class Worker(threading.Thread):
    """Uses one connection for what `work` does with it; what goes wrong is in `error`."""

    def __init__(self, mem, work):
        super().__init__()
        self.mem, self.work, self.error = mem, work, None

    def run(self):
        try:
            with self.mem.server.connect() as connection:
                for i in range(40):
                    self.work(lambda *request: connection.ask(*request), i)
        except Exception as e:
            self.error = e


def test_many_at_once(mem):
    """Files are written, listed, copied, moved and removed in one folder; none is ever seen half."""
    url = mem.url
    mem.mkcol("t")

    def expect(answer, *statuses):
        assert answer.status in statuses, answer

    def write(ask, i):
        expect(ask("PUT", f"{url}x", [], bytes([65 + i % 26]) * 5000), 201, 204)

    def read(ask, i):
        answer = ask("GET", f"{url}x")
        assert answer.status == 404 or answer.body == answer.body[:1] * 5000

    def list_all(ask, i):
        ask("PROPFIND", url, [("Depth", "infinity")], RESOURCETYPE).multistatus(url)

    def copy(ask, i):
        expect(ask("COPY", f"{url}t", [("Destination", f"{url}c{i % 3}")]), 201, 204, 404, 409)

    def move(ask, i):
        expect(ask("MOVE", f"{url}c{i % 3}", [("Destination", f"{url}m")]), 201, 204, 404, 409)

    def remove(ask, i):
        expect(ask("DELETE", f"{url}m"), 204, 404, 409)

    def fill(ask, i):
        expect(ask("PUT", f"{url}t/{i}", [], b"x"), 201, 204)

    def patch(ask, i):
        expect(ask("PROPPATCH", f"{url}t", [], update_body(("set", prop("p", str(i))))), 207)

    workers = [Worker(mem, work) for work in (write, read, list_all, copy, move, remove, fill, patch)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not [w.error for w in workers if w.error]
    after = contents(mem)
    assert {f"t/{i}" for i in range(40)} <= set(after)
    assert set(p.split("/")[0] for p in after) <= {"x", "t", "c0", "c1", "c2", "m"}
