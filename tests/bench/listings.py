"""Listings of large folders, beside the peers and beside the disk's own limit.

The limit is what one process takes to read the folder and to ask for the facts of each member
(floor.c): no server can list them without doing the same.
"""

import contextlib
import functools
import sqlite3
import statistics
import tempfile
import time
import urllib.parse
import xml.etree.ElementTree as ET
import xml.parsers.expat

import data
from contest import Table, take_turns
from data import name_of
from load import Listing, Peak, Request, Wrong, expect, list_members, played, read_floor
from peers import INCUMBENT, NGINX, OURS, ours
from report import goal, print_table, say

LIMIT = "readdir + statx"
REFERENCES = [LIMIT, INCUMBENT.name]

PROP = ('<propfind xmlns="DAV:"><prop><getcontentlength/><getlastmodified/><resourcetype/></prop>'
        "</propfind>")
PROPNAME = '<propfind xmlns="DAV:"><propname/></propfind>'
RESOURCETYPE = '<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>'

NAMESPACE = "http://example.com/bench"
DEAD = {"author": "Ada Lovelace", "keywords": "analytical engine, notes, B", "rating": "5"}
SET_DEAD = (f'<propertyupdate xmlns="DAV:" xmlns:b="{NAMESPACE}"><set><prop>'
            + "".join(f"<b:{n}>{v}</b:{n}>" for n, v in DEAD.items())
            + "</prop></set></propertyupdate>").encode()


# --- what an answer holds ---


def properties_of(document):
    """The names that came with status 200, of all members; each href has to be another."""
    found, hrefs = set(), set()
    responses = ET.parse(document).findall("{DAV:}response")
    for response in responses:
        hrefs.add(response.find("{DAV:}href").text)
        for propstat in response.findall("{DAV:}propstat"):
            if " 200 " in propstat.find("{DAV:}status").text:
                found.update(p.tag.rpartition("}")[2] for p in propstat.find("{DAV:}prop"))
    if len(hrefs) != len(responses):
        raise Wrong(f"{document}: an href stands there twice")
    return sorted(found)


def inspect(peer, listing, sample):
    """Outside of all timing: are both answers whole and well-formed? And which properties
    are in that of the sample, the same question of a smaller folder?"""
    with tempfile.NamedTemporaryFile() as document:
        list_members(peer, listing, ["-o", document.name])
        try:
            xml.parsers.expat.ParserCreate(namespace_separator=" ").ParseFile(document)
        except xml.parsers.expat.ExpatError as error:
            raise Wrong(f"{peer.name}: not well-formed: {error}") from None
    with tempfile.NamedTemporaryFile() as document:
        list_members(peer, sample, ["-o", document.name])
        return properties_of(document)


# --- contests ---


def listed(peer, listing):
    """A turn of one listing."""
    def turn(_):
        answer = list_members(peer, listing)
        return answer["total_us"] / 1e6, answer
    return turn


def contest(bench, title, entrants, floor=None, references=REFERENCES):
    """A contest of listings; the entrants are (name, peer, listing), their servers run. Whoever
    answers wrongly is out of it, but for ours: then everything ends."""
    contestants, out, properties = {}, {}, {}
    if floor:
        contestants[LIMIT] = lambda _: (floor(), {})
    small = bench.sizes[0]
    data.flat(bench.root, small)
    for name, peer, listing in entrants:
        say(f"  looking at the answer of {name}")
        sample = Listing(f"/{small}/", small, "1", listing.body)
        try:
            properties[name] = inspect(peer, listing, sample)
            contestants[name] = listed(peer, listing)
        except Wrong as error:
            if peer.is_ours:
                raise
            out[name] = str(error)
    members = entrants[0][2].members
    results = take_turns(title, contestants, bench.rounds, members)
    return Table(title, "µs a member", results, references, out, properties)


def beside_peers(bench, what, listing, folder, recursive=False):
    """The contest of all peers for one listing of a folder."""
    floor = functools.partial(read_floor, folder, listing.members, recursive)
    with bench.servers(*bench.peers, folder=bench.data):
        return contest(bench, what, [(p.name, p, listing) for p in bench.peers], floor)


def of_flat(bench, what, body):
    """... of the large folder, for what the body asks for."""
    folder = data.flat(bench.root, bench.members)
    title = f"PROPFIND, Depth: 1, {what}, {bench.members:,} files in one folder"
    return beside_peers(bench, title, Listing(f"/{bench.members}/", bench.members, "1", body),
                        folder)


def goal_beside(table, text, other, **bound):
    """A goal for our time, as times that of another contestant, where there is one."""
    value = table.ratio(OURS.name, other)
    return [goal(f"{text}, × {other}", value, **bound)] if value else []


def listing(bench):
    """Depth: 1, allprop"""
    table = of_flat(bench, "allprop", "")
    yield table
    yield from goal_beside(table, "allprop", LIMIT, at_most=1.6)
    yield from goal_beside(table, "allprop", INCUMBENT.name, at_most=1 / 7)
    yield from goal_beside(table, "allprop (nginx has six properties)", NGINX.name, at_most=1)


def prop(bench):
    """Depth: 1, prop with three properties"""
    table = of_flat(bench, "prop with three", PROP)
    yield table
    yield from goal_beside(table, "prop with three", LIMIT, at_most=1.4)


def names(bench):
    """Depth: 1, what needs no stat: propname, and resourcetype alone"""
    for what, body in (("propname", PROPNAME), ("resourcetype", RESOURCETYPE)):
        table = of_flat(bench, what, body)
        yield table
        yield from goal_beside(table, what, LIMIT, at_most=1)


def dead(bench):
    """Depth: 1, allprop, where 1,000 of the files have three dead properties"""
    count = min(1_000, bench.members // 100)
    data.flat(bench.root, bench.members)
    without, having = ours(f"{OURS.name}-without"), ours(f"{OURS.name}-with")
    listing_ = Listing(f"/{bench.members}/", bench.members)
    files = sorted(path.name for path in (bench.data / str(bench.members)).iterdir())
    chosen = files[::len(files) // count][:count]
    with bench.servers(without, having, folder=bench.data):
        played(having, [
            Request("PROPPATCH", f"/{bench.members}/{name}", 207,
                    {"Content-Type": "application/xml"}, SET_DEAD, 1) for name in chosen])
        title = (f"PROPFIND, Depth: 1, allprop, {bench.members:,} files, {count:,} of them with "
                 "three dead properties")
        table = contest(bench, title, [("without", without, listing_), ("with", having, listing_)],
                        references=["without"])
    # Each file's own say three; the propstat of a member without any is smaller by them.
    more = (table.results["with"]["bytes"] - table.results["without"]["bytes"]) * bench.members
    expect(f"the dead properties of {count:,} files take {more:,.0f} bytes only",
           more > count * sum(map(len, DEAD.values())))
    yield table
    yield goal(f"{count:,} with dead properties, × without", table.ratio("with", "without"),
               at_most=1.1)


def tree(bench):
    """Depth: infinity, allprop, in many folders"""
    folders, files = bench.members // 100, 100
    folder = data.tree(bench.root, folders, files)
    title = f"PROPFIND, Depth: infinity, allprop, {folders * files:,} files in {folders:,} folders"
    listing_ = Listing(f"/{folder.name}/", folders * (files + 1), "infinity")
    table = beside_peers(bench, title, listing_, folder, recursive=True)
    yield table
    yield from goal_beside(table, "Depth: infinity", LIMIT, at_most=1.7)


def give_properties(database, folder, members, size):
    """Three dead properties for each member, past the server, which would take long."""
    text = "v" * size
    key = database.execute("INSERT INTO collection (key) VALUES (?)",
                           (urllib.parse.quote(str(folder)),)).lastrowid
    rows = ((key, name_of(i), NAMESPACE, local, f'<b:{local} xmlns:b="{NAMESPACE}">{text}</b:{local}>')
            for i in range(members) for local in DEAD)
    database.executemany("INSERT INTO property (collection, member, ns, local, size, xml) VALUES "
                         "(?1, ?2, ?3, ?4, length(?5), ?5)", rows)


def deep(bench):
    """Depth: infinity, allprop, 200 levels with dead properties: memory, descriptors"""
    levels, files, members = 200, 10, 100 if bench.quick else 1_000
    folder = data.deep(bench.root, levels, files)
    with bench.servers(OURS, folder=bench.data):
        path = f"/{folder.name}/"
        played(OURS, [Request("PROPPATCH", path, 207, {"Content-Type": "application/xml"}, SET_DEAD,
                              1)])  # makes the store
        database = sqlite3.connect(OURS.state / "store/store.db")
        with contextlib.closing(database), database:
            for level in range(levels):
                give_properties(database, f"{folder}{'/d' * level}", members, 800)
        list_members(OURS, Listing(path, files + 1))
        before, watch = Peak(OURS), Peak(OURS)
        list_members(OURS, Listing(path, levels * (files + 1) - 1, "infinity"), watch=watch)
    what = f"{levels} levels with {3 * members:,} dead properties each"
    yield goal(f"{what}: memory, MiB", (watch.bytes - before.bytes) / (1 << 20), at_most=16)
    yield goal(f"{what}: descriptors", watch.descriptors - before.descriptors, at_most=220)


HEED_HTACCESS = """\
<Directory {folder}>
    AllowOverride All
</Directory>
"""
ASK_EACH = """\
<If "%{{REQUEST_URI}} =~ m#/private-#">
    Require all denied
</If>
"""


def sections(bench):
    """Depth: 1, allprop, under what the server's configuration says of access"""
    data.flat(bench.root, bench.members)
    overridden = data.with_htaccess(bench.root, bench.members)
    plain = Listing(f"/{bench.members}/", bench.members)
    entrants = [
        ("no section at all", ours(f"{OURS.name}-bare", sections=""), plain),
        ("Debian's stock sections", OURS, plain),
        ("and a .htaccess in the folder", ours(f"{OURS.name}-htaccess", more=HEED_HTACCESS),
         Listing(f"/{overridden.name}/", bench.members)),
        ("and an <If>: each is asked for", ours(f"{OURS.name}-if", more=ASK_EACH), plain),
    ]
    with bench.servers(*(peer for _, peer, _ in entrants), folder=bench.data):
        title = f"PROPFIND, Depth: 1, allprop, {bench.members:,} files, by the sections that apply"
        table = contest(bench, title, entrants, references=["no section at all"])
    table.properties = {}
    yield table
    yield goal("Debian's stock sections, × none",
               table.ratio("Debian's stock sections", "no section at all"), at_most=1.1)


# --- how it grows ---


class Growth:
    """Time, first byte and memory of each server, by the number of members."""

    FIGURES = {"us_per_member": ("µs a member", 1), "first_byte_ms": ("first byte, ms", 1),
               "peak_anonymous_bytes": ("memory, MiB", 1 << 20)}

    def __init__(self, title, sizes, results):
        self.title, self.sizes, self.results = title, sizes, results

    def show(self):
        rows = []
        for what, (text, scale) in self.FIGURES.items():
            for name, by_size in self.results.items():
                rows.append([f"{text}: {name}"] + [
                    f"{by_size[s][what] / scale:.2f}" if what in by_size.get(s, {}) else ""
                    for s in self.sizes])
        print_table(self.title, ["members"] + [f"{s:,}" for s in self.sizes], rows)

    def as_json(self):
        return {"title": self.title, "sizes": self.sizes, "results": self.results}


def listed_anew(bench, peer, size):
    """Each size with a server that has just started: its memory is that of these listings."""
    say(f"  {size:,} members: {peer.name}")
    with bench.servers(peer, folder=bench.data):
        watch, answers, begun = Peak(peer), [], time.monotonic()
        while len(answers) < bench.rounds and (len(answers) < 1 or time.monotonic() - begun < 10):
            answers.append(list_members(peer, Listing(f"/{size}/", size), watch=watch))
    return {
        "us_per_member": statistics.median(a["total_us"] for a in answers) / size,
        "first_byte_ms": statistics.median(a["first_us"] for a in answers) / 1000,
        "peak_anonymous_bytes": watch.bytes,
    }


def growth(bench):
    """Depth: 1, allprop, from 1,000 members to a million: time, first byte, memory"""
    results = {name: {} for name in [LIMIT, *(peer.name for peer in bench.peers)]}
    for size in bench.sizes:
        folder = data.flat(bench.root, size)
        read_floor(folder, size)  # warms the cache
        seconds = statistics.median(read_floor(folder, size) for _ in range(bench.rounds))
        results[LIMIT][size] = {"us_per_member": seconds * 1e6 / size}
        for peer in bench.peers:
            try:
                results[peer.name][size] = listed_anew(bench, peer, size)
            except Wrong as error:
                if peer.is_ours:
                    raise
                say(f"  out: {error}")
    yield Growth("PROPFIND, Depth: 1, allprop: how it grows (memory: the highest anonymous memory "
                 "of the worker)", bench.sizes, results)
    if OURS in bench.peers:
        yield from goals_of_growth(results[OURS.name], bench.sizes[0], bench.members,
                                   bench.sizes[-1])


def goals_of_growth(by_size, small, middle, large):
    yield goal(f"time a member, {large:,} members, × {middle:,}",
               by_size[large]["us_per_member"] / by_size[middle]["us_per_member"], at_most=1.05)
    yield goal(f"first byte of {large:,} members, ms", by_size[large]["first_byte_ms"], at_most=5)
    more = by_size[large]["peak_anonymous_bytes"] - by_size[small]["peak_anonymous_bytes"]
    yield goal(f"memory of {large:,} members beyond that of {small:,}, MiB", more / (1 << 20),
               at_most=1)


WORKLOADS = {"listing": listing, "prop": prop, "names": names, "dead": dead, "tree": tree,
             "deep": deep, "sections": sections, "growth": growth}
