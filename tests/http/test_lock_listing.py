"""DAV:lockdiscovery and DAV:supportedlock (RFC 4918 sections 15.8, 15.10), in listings, too."""

import secrets
import shutil
import subprocess
import time

import pytest

import harness
import writing
from harness import ALLPROP, PROPNAME, RESOURCETYPE, names, prop_body
from locking import DISCOVERY, actives, database, lock, locks_on, rows, tokens_on, unlock


@pytest.fixture
def files(dav):
    dav.file("a.txt")
    dav.file("sub/b.txt")
    dav.file("sub/deeper/c.txt")
    dav.file("sub/deeper/sp%20ace.txt")
    return dav


def listed(dav, name="", depth="infinity", body=DISCOVERY):
    """{path below: [(token, root below the test's folder, depth)]} of a listing."""
    result = dav.propfind(name, depth, body)
    own = len(dav.url)
    found = {}
    for response in result:
        shown = actives(response.prop("lockdiscovery"))
        found[response.href[own:]] = sorted((a.token, a.root[own:], a.depth) for a in shown)
    return found


def supported(element):
    entries = []
    for entry in element:
        assert names(entry) == ["lockscope", "locktype"], names(entry)
        (scope,), (kind,) = names(entry[0]), names(entry[1])
        entries.append((scope, kind))
    return sorted(entries)


@pytest.mark.parametrize("name", ["", "a.txt", "sub/"])
def test_supportedlock(files, name):
    element = files.propfind(name, body=prop_body("supportedlock"))[0].prop("supportedlock")
    assert set(names(element)) == {"lockentry"}
    assert supported(element) == [("exclusive", "write"), ("shared", "write")]


def test_nothing_is_locked(files):
    for response in files.propfind("", "infinity", DISCOVERY):
        assert list(response.prop("lockdiscovery")) == [] and not response.text("lockdiscovery")
        assert len(supported(response.prop("supportedlock"))) == 2


def test_allprop_and_propname_have_both(files):
    lock(files, "a.txt")
    for body in (ALLPROP, PROPNAME, None):
        assert {"lockdiscovery", "supportedlock"} <= files.propfind("a.txt", body=body)[0].locals(), body
    (active,) = actives(files.propfind("a.txt", body=ALLPROP)[0].prop("lockdiscovery"))
    assert active.root == files.url + "a.txt"
    assert list(files.propfind("a.txt", body=PROPNAME)[0].prop("lockdiscovery")) == []


@pytest.mark.parametrize("depth", ["1", "infinity"])
def test_members_show_their_locks_and_those_they_inherit(files, depth):
    one = lock(files, "sub/", "shared")
    two = lock(files, "sub/b.txt", "shared", depth="0")
    three = lock(files, "sub/deeper/", "shared", depth="0")
    four = lock(files, "sub/deeper/sp%20ace.txt", "shared")
    five = lock(files, "a.txt")
    of_sub = (one.token, "sub/", "infinity")
    expected = {
        "": [], "a.txt": [(five.token, "a.txt", "infinity")], "sub/": [of_sub],
        "sub/b.txt": sorted([of_sub, (two.token, "sub/b.txt", "0")]),
        "sub/deeper/": sorted([of_sub, (three.token, "sub/deeper/", "0")]),
        "sub/deeper/c.txt": [of_sub],
        "sub/deeper/sp%20ace.txt": sorted([of_sub, (four.token, "sub/deeper/sp%20ace.txt", "infinity")])}

    def part(root):
        inside = {n: v for n, v in expected.items() if n.startswith(root)}
        return {n: v for n, v in inside.items() if depth == "infinity" or "/" not in n[len(root):].rstrip("/")}

    for root in ("", "sub/", "sub/deeper/"):
        assert listed(files, root, depth) == part(root), root
    # What each says alone is the same.
    for name, locks in expected.items():
        assert listed(files, name, "0") == {name: locks}


def test_a_listing_below_a_deep_lock_from_above(dav_on):
    dav = dav_on()
    dav.file("x/y/z/a.txt")
    held = lock(dav, "")
    own = (held.token, "", "infinity")
    assert listed(dav, "x/y/", "infinity") == dict.fromkeys(["x/y/", "x/y/z/", "x/y/z/a.txt"], [own])
    assert listed(dav, "x/y/", "1") == dict.fromkeys(["x/y/", "x/y/z/"], [own])


def test_two_deep_locks_above_each_other(files):
    outer, inner = lock(files, "", "shared"), lock(files, "sub/", "shared")
    found = listed(files)
    assert {t for t, _, _ in found["sub/deeper/c.txt"]} == {outer.token, inner.token}
    assert {t for t, _, _ in found["a.txt"]} == {outer.token}


def test_expired_locks_are_not_listed(files):
    lock(files, "a.txt", timeout="Second-1")
    lock(files, "sub/", timeout="Second-1")
    writing.wait_until(lambda: not any(listed(files).values()), what="an expired lock is still listed")


def test_a_lock_that_goes_leaves_the_listing(files):
    held = lock(files, "sub/")
    assert all(v for n, v in listed(files, "sub/").items())
    unlock(files, "sub/", held.token)
    assert not any(listed(files).values())


def test_names_that_only_differ_in_their_escapes(files):
    for name in ("x%2541.txt", "xA.txt", "x%41b.txt", "%C3%A4", "%E4", "%25E4"):
        files.file(name)
    held = {n: lock(files, n) for n in ("x%2541.txt", "%E4")}
    found = listed(files, depth="1")
    locked = {name: [t for t, _, _ in v] for name, v in found.items() if v}
    assert sorted(locked.values()) == sorted([h.token] for h in held.values()), found
    assert {n.upper() for n in locked} == {n.upper() for n in held}


# -- many


def insert(server, url, path, count, start=0, shared=0):
    """Locks on members m000000.txt and so on, straight into the store."""
    with database(server) as db:
        expires = int(time.time()) + 3600
        db.executemany("INSERT INTO lock (token, parent, key, uri, deep, shared, owner, principal, expires) "
                       "VALUES (?, ?, ?, ?, 0, ?, '', '', ?)",
                       [(new_token(), path, f"{path}/m{i:06}.txt", f"{url}m{i:06}.txt", shared, expires)
                        for i in range(start, start + count)])


def new_token():
    h = f"{secrets.randbits(128):032x}"
    return f"urn:uuid:{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


MEMBERS = 10_000


@pytest.fixture(scope="module")
def ten_thousand():
    root = harness.new_dir("dms-many-")
    (root / "many").mkdir()
    for i in range(MEMBERS):
        (root / "many" / f"m{i:06}.txt").touch()
    yield root
    shutil.rmtree(root)


@pytest.fixture
def many(dav_on, ten_thousand):
    return dav_on(servers=1, data=ten_thousand)


def test_what_was_inserted_is_what_a_lock_writes(dav):
    """The rows that the tests below make are as the module's own."""
    dav.file("m000000.txt")
    held = lock(dav, "m000000.txt", depth="0", owner=None)
    with database(dav.server) as db:
        row = db.execute("SELECT parent, key, uri, deep, shared, owner, principal FROM lock WHERE token = ?",
                         (held.token,)).fetchone()
    path = str(dav.path)
    assert row == (path, path + "/m000000.txt", dav.url + "m000000.txt", 0, 0, "", "")
    unlock(dav, "m000000.txt", held.token)
    insert(dav.server, dav.url, path, 1)
    (active,) = locks_on(dav, "m000000.txt")
    assert (active.root, active.depth, active.scope) == (dav.url + "m000000.txt", "0", "exclusive")
    assert unlock(dav, "m000000.txt", active.token).status == 204


def count_reads(server, ask):
    """How many times the server reads pages of the store, or its locks, while it answers; None where strace can't."""
    (pid,) = server.workers()
    log = server.root / "strace.txt"
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-y", "-o", str(log), "-e", "trace=fcntl,pread64", "-p", str(pid)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while "TracerPid:\t0\n" in open(f"/proc/{pid}/status").read():
            if tracer.poll() is not None or time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        time.sleep(0.3)  # all threads
        ask()
    finally:
        tracer.terminate()
        tracer.wait()
    lines = log.read_text().splitlines()
    return sum("store.db" in line for line in lines)


@pytest.mark.no_sanitizer
def test_a_fixed_number_of_queries(many):
    """Each query of SQLite takes and releases locks on its files, and reads pages: few, however many members there are
    and are locked."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")

    def ask():
        assert len(many.propfind("many/", "1", DISCOVERY)) == MEMBERS + 1

    insert(many.server, many.url + "many/", str(many.path / "many"), 1)
    ask()
    few = count_reads(many.server, ask)
    if few is None:
        pytest.skip("strace can't attach here")
    insert(many.server, many.url + "many/", str(many.path / "many"), 1000, start=1)
    ask()
    lots = count_reads(many.server, ask)
    assert 0 < few < 100, few
    # 1,000 rows are some 100 pages of 4 KiB; a query a member would be 10,000 at least.
    assert lots < few + 500, (few, lots)


@pytest.mark.no_sanitizer
@pytest.mark.alone
def test_the_cost_of_a_listing_with_locks(many):
    def cost(body):
        best = None
        for _ in range(4):
            before = many.server.cpu_seconds()
            for _ in range(3):
                assert many.server.try_propfind(many.url + "many/", "1", body).status == 207
            spent = many.server.cpu_seconds() - before
            best = spent if best is None else min(best, spent)
        return best

    plain = cost(RESOURCETYPE)
    insert(many.server, many.url + "many/", str(many.path / "many"), 1000)
    assert cost(RESOURCETYPE) < 2 * plain + 0.05  # who doesn't ask doesn't pay
    # A query a member costs 20 µs at least: 0.6 s for these three listings of 10,000.
    assert cost(DISCOVERY) < 3 * plain + 0.4
    assert rows(many.server) == 1000


def test_a_thousand_locks_are_listed_right(many):
    insert(many.server, many.url + "many/", str(many.path / "many"), 500, start=1000, shared=1)
    insert(many.server, many.url + "many/", str(many.path / "many"), 500, start=1000, shared=1)
    result = many.propfind("many/", "1", DISCOVERY)
    assert len(result) == MEMBERS + 1
    for response in result:
        shown = actives(response.prop("lockdiscovery"))
        name = response.href.rsplit("/", 1)[1]
        expected = 2 if name and 1000 <= int(name[1:7]) < 1500 else 0
        assert len(shown) == expected, response
        assert all(a.root == response.href for a in shown)


def test_many_locks_below_are_no_matter_to_a_write_elsewhere(many):
    insert(many.server, many.url + "many/", str(many.path / "many"), 5000)
    assert many.put("other.txt", b"x").status == 201
    assert many.put("many/m009999.txt", b"x").status == 204
    assert many.put("many/m000001.txt", b"x").status == 423
    assert tokens_on(many, "many/m009999.txt") == set()
