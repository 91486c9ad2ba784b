"""dav-multistatus, beside a server that runs: what it shows, changes, copies and finds, and that the server knows.

The program is run as root where the tests are: it becomes the store's owner, and leaves nothing that is not the server's."""

import contextlib
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import threading

import pytest

import harness
from harness import IS_ROOT, WEB_USER
from locking import lock, locks_on, database, tokens_on
from writing import NS, give, parse, prop, shape, store_path

PROGRAM = harness.MODULE.parent / "dav-multistatus"
DONE, LEFT, USAGE, FAILED = range(4)


def run(server, *args, code=DONE, **kw):
    """The program's output (also what it complains about, in `errors`), with this server's store."""
    done = subprocess.run([PROGRAM, "--store", store_path(server), *args], capture_output=True, timeout=60, **kw)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert bool(done.stderr) == (code != DONE), done.stderr
    result = Output(done.stdout.decode())
    result.errors = done.stderr.decode()
    if IS_ROOT:
        others = subprocess.run(["find", store_path(server).parent, "-not", "-user", WEB_USER], capture_output=True, text=True)
        assert others.stdout == "", others
    return result


class Output(str):
    errors = ""


def key(dav, name=""):
    return (str(dav.path) + "/" + name).rstrip("/")


# -- locks


def test_a_lock_is_listed_and_broken_at_once(dav):
    dav.folder("d")
    dav.file("d/a.txt")
    held, deep = lock(dav, "d/a.txt", scope="shared", depth="0"), lock(dav, "d/", scope="shared", depth="infinity", timeout="Second-600")
    lines = [line.split("\t") for line in run(dav.server, "locks", key(dav)).splitlines()]
    assert [(line[0], line[1], line[2], line[3]) for line in lines] == [
        (key(dav, "d"), deep.token, "infinity", "shared"), (key(dav, "d/a.txt"), held.token, "0", "shared")]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", line[4]) for line in lines)
    run(dav.server, "unlock", "--dry-run", deep.token)
    assert tokens_on(dav, "d/") == {deep.token}
    assert deep.token in run(dav.server, "unlock", deep.token)
    assert not locks_on(dav, "d/") and tokens_on(dav, "d/a.txt") == {held.token}
    assert dav.put("d/b.txt").status == 201
    assert dav.put("d/a.txt").status == 423
    run(dav.server, "unlock", "--below", key(dav))
    assert dav.put("d/a.txt").status == 204
    assert run(dav.server, "locks", key(dav)) == ""
    assert "no lock" in run(dav.server, "unlock", deep.token, code=LEFT).errors


# -- properties


NAMES = ["a.txt", "%C3%A4%20b%25c.txt", "d/", "d/%E4%BD%A0.txt"]
VALUES = {
    "text": "x &amp; y &lt; z",
    "empty": "",
    "tree": '<m:in xmlns:m="urn:m &amp; more" m:at="1">t<plain xmlns=""/>ail</m:in> end',
}


@pytest.fixture
def filled(dav):
    """Resources with properties of all kinds, on files, folders and the root of the test's folder."""
    for name in NAMES:
        dav.folder(name) if name.endswith("/") else dav.file(name)
    for name in ["", *NAMES]:
        xml = "".join(prop(local, inner, attributes=' xml:lang="de"' if local == "text" else "") for local, inner in VALUES.items())
        assert dav.proppatch(name, ("set", xml + prop("bare", "no namespace", ns=""))).status == 207
    return dav


def all_values(dav):
    """{path: {tag: what the element is}} of all below, as the module shows them."""
    return {r.path: {tag: shape(e) for tag, e in r.props().items() if not tag.startswith("{DAV:}")}
            for r in dav.propfind("", "infinity", harness.ALLPROP)}


def test_properties_are_shown_exported_and_imported(filled, tmp_path):
    dav = filled
    before = all_values(dav)
    assert all(len(values) == 4 for values in before.values()), before
    shown = run(dav.server, "show", key(dav)).splitlines()
    assert len([line for line in shown if line[0] == "/"]) == 1 + len(NAMES)
    assert len(shown) == (1 + len(NAMES)) * 5
    exported = run(dav.server, "export", key(dav))
    responses = parse(exported.encode()).findall("{DAV:}response")
    assert [r.findtext("{DAV:}href") for r in responses] == [key(dav, n) for n in ("", "%C3%A4%20b%25c.txt", "a.txt", "d", "d/%E4%BD%A0.txt")]
    for name in ["", *NAMES]:
        dav.patched(name, ("remove", "".join(prop(local) for local in VALUES) + prop("bare", ns="")))
    assert not any(all_values(dav).values())
    (tmp_path / "x.xml").write_text(exported)
    os.chmod(tmp_path, 0o700)  # which is the caller's to read, not the store's owner's
    assert "would be" in run(dav.server, "import", "--dry-run", tmp_path / "x.xml")
    assert not any(all_values(dav).values())
    run(dav.server, "import", tmp_path / "x.xml", "--user", "ann")
    assert all_values(dav) == before
    with database(dav.server) as db:
        assert {row[0] for row in db.execute("SELECT DISTINCT principal FROM property JOIN collection ON collection = id"
                                             " WHERE key = ?", (key(dav),))} == {"ann"}


def test_an_import_leaves_what_is_gone_and_says_where_it_is_no_export(filled):
    dav = filled
    exported = run(dav.server, "export", key(dav))
    dav.disk("a.txt").unlink()
    left = run(dav.server, "import", input=exported.encode(), code=LEFT)
    assert left.errors.splitlines() == [f"dav-multistatus: {key(dav, 'a.txt')}: nothing is there"]
    wrong = run(dav.server, "import", input=exported.encode()[:-30], code=FAILED)
    assert re.search(r"line \d+, column \d+: ", wrong.errors)
    live = exported.replace("<D:prop>", "<D:prop><D:getetag>x</D:getetag>", 1)
    assert "{DAV:}getetag" in run(dav.server, "import", input=live.encode(), code=LEFT).errors


def test_many_properties(dav):
    """More than a page, and a member that is read apart; in slices that let others write."""
    count, long = 1500, "x" * 5000
    exported = "".join(f'<D:response><D:href>{key(dav)}/f{i:04}</D:href><D:propstat><D:prop>{prop("n", str(i))}'
                       f'{prop("long", long) if i % 500 == 0 else ""}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>'
                       "</D:response>" for i in range(count))
    for i in range(count):
        dav.file(f"f{i:04}", b"", own=False)
    document = f'<D:multistatus xmlns:D="DAV:">{exported}</D:multistatus>'.encode()
    assert run(dav.server, "import", input=document).startswith(f"{count + 3} ")
    again = parse(run(dav.server, "export", key(dav)).encode())
    assert [(r.findtext("{DAV:}href"), r.findtext(f".//{{{NS}}}n")) for r in again] == [(f"{key(dav)}/f{i:04}", str(i)) for i in range(count)]
    assert [len(e.text) for e in again.iter(f"{{{NS}}}long")] == [len(long)] * 3
