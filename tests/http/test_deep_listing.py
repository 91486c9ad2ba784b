"""Listings of deep trees, and of collections whose members have much in the store: what they cost is bounded (issue 12,
item 1), and nothing is left out, told twice or mixed up by that."""

import contextlib
import os
import re
import resource
import sqlite3
import urllib.parse

import pytest

import harness
import writing
from harness import ALLPROP, PROPNAME, prop_body
from locking import DISCOVERY, actives, lock_body
from writing import NS, prop

LEVELS = 200  # as deep as a listing goes
OWN_DESCRIPTORS = 18  # of a worker that does nothing
MiB = 1024


@pytest.fixture
def small(httpd):
    """A server of few threads, so that what a listing costs is not lost among what each of them keeps, and of as few
    descriptors as a listing may take."""
    limits, descriptors = harness.MPM_LIMITS["event"], resource.getrlimit(resource.RLIMIT_NOFILE)
    harness.MPM_LIMITS["event"] = "ThreadsPerChild 2\nMaxRequestWorkers 2\nMinSpareThreads 1\nMaxSpareThreads 2"
    resource.setrlimit(resource.RLIMIT_NOFILE, (OWN_DESCRIPTORS + 220, descriptors[1]))
    try:
        place = httpd(servers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)
        harness.MPM_LIMITS["event"] = limits
    place.server.expect_log("AH00484")  # both are at work
    writing.give(place.path)
    dav = writing.Dav(place.server, place.path, "/dav/")
    dav.file("a.txt")
    assert dav.proppatch("a.txt", ("set", prop("p", "v"))).status == 207  # the store is there
    return dav


@contextlib.contextmanager
def rows_of(dav):
    """The store's database, to be filled faster than by requests."""
    with contextlib.closing(sqlite3.connect(writing.store_path(dav.server))) as database:
        yield database
        database.commit()


def add_values(database, key, values):
    """Gives members of the collection `key` properties: (member, local name, text)."""
    (collection,) = database.execute("INSERT INTO collection (key) VALUES (?) RETURNING id", (key,)).fetchone()
    xml = ((member, local, f'<x:{local} xmlns:x="{NS}">{text}</x:{local}>') for member, local, text in values)
    database.executemany("INSERT INTO property (collection, member, ns, local, size, xml) VALUES (?, ?, ?, ?, ?, ?)",
                         ((collection, member, NS, local, len(text), text) for member, local, text in xml))


def add_locks(database, key, members):
    database.executemany("INSERT INTO lock VALUES (?, ?, ?, ?, 0, 0, '', '', 0)", (
        (token_of(member), key, f"{key}/{member}", f"/dav/{member}") for member in members))


def token_of(member):
    return f"urn:uuid:00000000-0000-4000-8000-{member.encode().hex()[-12:]:0>12}"


def values(answer, local="p"):
    """{href: text} of what has it."""
    return {response.href: response.text(local, NS) for response in answer if response.text(local, NS) is not None}


def peak(server):
    """The most memory that the worker has ever had, in KiB."""
    (pid,) = server.workers()
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM:")).split()[1])


@pytest.mark.no_sanitizer
def test_200_levels_with_properties_cost_16_mib_and_220_descriptors(small):
    folder, fat = small.path, "v" * 900
    with rows_of(small) as database:
        for level in range(LEVELS):
            folder = folder / "d" if level else folder / "top"
            folder.mkdir()
            for i in range(3):
                (folder / f"f{i:04}").touch()
            add_values(database, str(folder), [(f"f{i:04}", f"p{j}", f"{level} {fat}")
                                               for i in range(60) for j in range(7)])
    for _ in range(20):
        small.propfind("", "1", ALLPROP)
    (pid,) = small.server.workers()
    assert len(os.listdir(f"/proc/{pid}/fd")) <= OWN_DESCRIPTORS
    before = peak(small.server)
    answer = small.propfind("top/", "infinity", ALLPROP)
    assert len(answer) == 4 * LEVELS
    assert all(response.text("getetag") for response in answer), "it ran out of descriptors"
    assert sum(response.text("p6", NS) is not None for response in answer) == 3 * LEVELS
    assert peak(small.server) - before < 16 * MiB


def test_a_tree_that_is_too_deep_says_so(small):
    folder = small.path / "top" / "/".join(["d"] * LEVELS)
    folder.mkdir(parents=True)
    statuses = [response.status for response in small.propfind("top/", "infinity", ALLPROP)]
    assert statuses == [None] * LEVELS + [507]


ODD = ["", "", "!", " ", "~", "\u00e4", "%"]


def encoded(name):
    """As the server has it in hrefs."""
    return urllib.parse.quote(name, safe="$-_.+!*'(),:@&=~")


def key_of(name):
    """As the store has it."""
    return re.sub("%..", lambda match: match[0].lower(), encoded(name))


def test_pages_that_were_forgotten_are_read_again(small):
    """Four collections in each other, with more in each than is held of all: whatever comes after one of them, in its
    outer one, still has its own."""
    folder, expected = small.path, {}
    with rows_of(small) as database:
        for level in range(4):
            folder = folder / f"e{level}"  # before the files, so of the first page
            folder.mkdir()
            texts = {f"f{ODD[i % len(ODD)]}{i:05}": f"{level}-{i}-" + "v" * 900 for i in range(2500)}
            for name in texts:
                (folder / name).touch()
            add_values(database, str(folder), [(key_of(name), "p", text) for name, text in texts.items()])
            below = str(folder.relative_to(small.path))
            expected.update({f"/dav/{below}/{encoded(name)}": text for name, text in texts.items()})
    answer = small.propfind("e0/", "infinity", prop_body((NS, "p")))
    assert len(answer) == len(expected) + 4
    assert values(answer) == expected


def test_members_that_do_not_fit_into_a_page_are_whole(small):
    """Many values, long ones, a long name; beside others that fit, with each kind of question."""
    small.file("f/many")
    small.file("f/long")
    small.file("f/name")
    small.file("f/plain")
    long_name = "n" * 5000
    with rows_of(small) as database:
        add_values(database, str(small.path / "f"), [
            *(("many", f"p{i:04}", f"{i}") for i in range(1200)), ("many", "p", "of many"), ("long", "p", "l" * 50_000),
            ("name", long_name, "n" * 2000), ("name", "p", "of name"), ("plain", "p", "of plain")])
    expected = {"/dav/f/many": "of many", "/dav/f/long": "l" * 50_000, "/dav/f/name": "of name",
                "/dav/f/plain": "of plain"}
    for body in (ALLPROP, prop_body((NS, "p"))):
        assert values(small.propfind("f/", "1", body)) == expected
    answer = small.propfind("f/", "1", ALLPROP)
    by_name = {response.href: response for response in answer}
    assert [by_name["/dav/f/many"].text(f"p{i:04}", NS) for i in range(1200)] == [str(i) for i in range(1200)]
    assert by_name["/dav/f/name"].text(long_name, NS) == "n" * 2000
    named = {response.href: response for response in small.propfind("f/", "1", PROPNAME)}
    assert named["/dav/f/name"].text(long_name, NS) is not None and named["/dav/f/long"].text("p", NS) is not None
    assert named["/dav/f/many"].text("p1199", NS) is not None


@pytest.mark.parametrize("count", [1, 32, 33, 100])
def test_any_number_of_names_may_be_asked_for(small, count):
    small.file("f/a")
    with rows_of(small) as database:
        add_values(database, str(small.path / "f"), [("a", f"p{i}", str(i)) for i in range(200)])
    wanted = [(NS, f"p{2 * i}") for i in range(count)]
    for name, depth in (("f/", "1"), ("f/a", "0")):
        response = small.propfind(name, depth, prop_body(*wanted, ("urn:other", "p1")))[-1]
        assert {local: response.text(local, NS) for _, local in wanted if response.text(local, NS) is not None} \
            == {f"p{2 * i}": str(2 * i) for i in range(min(count, 100))}
        assert response.text("p1", NS) is None and response.text("p1", "urn:other") is None


def shown(answer):
    return {response.href: [active.token for active in actives(response.prop("lockdiscovery"))] for response in answer}


def test_locks_of_more_members_than_are_held(small):
    names = [f"f{i:04}" for i in range(0, 5000, 100)]
    for name in names:
        small.file(f"f/{name}")
    with rows_of(small) as database:
        add_locks(database, str(small.path / "f"), [f"f{i:04}" for i in range(5000)])
    found = shown(small.propfind("f/", "1", DISCOVERY))
    assert found == {"/dav/f/": [], **{f"/dav/f/{name}": [token_of(name)] for name in names}}


def test_a_lock_with_a_long_owner_is_whole_in_a_listing(small):
    small.file("f/a")
    small.file("f/b")
    for name in ("f/a", "f/b"):
        assert small.ask("LOCK", name, [("Timeout", "Second-600")], lock_body("shared", "o" * 3000)).status == 200
    assert small.ask("LOCK", "f/", [("Timeout", "Second-600")], lock_body("shared", "outer")).status == 200
    for response in list(small.propfind("f/", "1", DISCOVERY))[1:]:
        assert sorted(len(a.owner.text) for a in actives(response.prop("lockdiscovery"))) == [5, 3000]


def test_deep_locks_reach_down_through_all_levels(small):
    """Each level has what it inherits from those above, once; a lock that is not deep stays where it is."""
    folder = small.path / "top" / "/".join(["d"] * 20)
    folder.mkdir(parents=True)
    (folder / "f").touch()
    writing.give(small.path / "top")
    tokens = []
    for level in range(0, 20, 2):
        for depth in ("infinity", "0"):
            answer = small.ask("LOCK", "top/" + "d/" * level, [("Depth", depth)], lock_body("shared"))
            assert answer.status == 200
            tokens.append((answer.get("Lock-Token").strip("<>"), level, depth))
    found = shown(small.propfind("top/", "infinity", DISCOVERY))
    for href, held in found.items():
        level = len(href[len("/dav/top/"):].split("/")) - 1 + (not href.endswith("/"))
        assert sorted(held) == sorted(token for token, at, depth in tokens
                                      if at == level or (depth == "infinity" and at < level)), href
