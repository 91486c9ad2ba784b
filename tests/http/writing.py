"""What the tests of the writing methods share: folders that the server may write to, requests that change something,
and dead properties as values that can be compared. A pytest plugin (conftest.py names it).

Every test that writes ends with a look at the disk: nothing under a reserved name may be left."""

import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import time
import urllib.parse

import pytest
from lxml import etree

import harness
from harness import ALLPROP, IS_ROOT, WEB_USER, prop_body

NS = "urn:example:dms"
RESERVED = b".dav-multistatus-"


def give(path):
    """Makes the server's User the owner of all that is at or below `path`."""
    if not IS_ROOT:
        return
    path = os.fsencode(path)
    shutil.chown(path, WEB_USER, WEB_USER)
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            entry = os.path.join(folder, name)
            if not os.path.islink(entry):
                shutil.chown(entry, WEB_USER, WEB_USER)


def leftovers(path):
    """What stands under a reserved name at or below `path`."""
    return [os.path.join(folder, name) for folder, folders, files in os.walk(os.fsencode(path))
            for name in folders + files if name.startswith(RESERVED)]


def wait_until(condition, seconds=5, what="it did not happen"):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def shape(element):
    """An element as a value that two equal ones share: comments do not count, prefixes neither."""
    text, children = element.text or "", []
    for child in element:
        if isinstance(child.tag, str):
            children.append([shape(child), child.tail or ""])
        elif children:
            children[-1][1] += child.tail or ""
        else:
            text += child.tail or ""
    return element.tag, tuple(sorted(element.attrib.items())), text, tuple(map(tuple, children))


def parse(xml):
    return etree.fromstring(xml, etree.XMLParser(huge_tree=True, recover=True))


def prop(local, inner="", ns=NS, attributes=""):
    """A property's element as XML."""
    if not ns:
        return f'<{local} xmlns=""{attributes}>{inner}</{local}>'
    return f'<n:{local} xmlns:n="{harness.escape(ns)}"{attributes}>{inner}</n:{local}>'


def update_body(*steps):
    """The body of a PROPPATCH; a step is ("set" or "remove", XML of properties)."""
    inner = "".join(f"<D:{verb}><D:prop>{xml}</D:prop></D:{verb}>" for verb, xml in steps)
    return f'<?xml version="1.0" encoding="utf-8"?><D:propertyupdate xmlns:D="DAV:">{inner}</D:propertyupdate>'


class Dav:
    """A folder that the server may write to, and its URL. Names are as in a URL: escaped."""

    def __init__(self, server, path, url):
        self.server, self.path, self.url = server, pathlib.Path(path), url
        give(self.path)

    # -- the disk's side

    def disk(self, name):
        return pathlib.Path(os.fsdecode(os.path.join(os.fsencode(self.path), urllib.parse.unquote_to_bytes(name))))

    def file(self, name, content=b"hello\n", mode=None, own=True):
        path = self.disk(name)
        made = [p for p in path.parents if not p.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if mode is not None:
            path.chmod(mode)
        if IS_ROOT and own:
            for p in (path, *made):
                shutil.chown(p, WEB_USER, WEB_USER)
        return path

    def folder(self, name):
        path = self.disk(name)
        made = [p for p in path.parents if not p.exists()]
        path.mkdir(parents=True)
        if IS_ROOT:
            for p in (path, *made):
                shutil.chown(p, WEB_USER, WEB_USER)
        return path

    def tree(self, name=""):
        """{path: content of a file, None for a folder, "-> target" for a link} of all below; {} for nothing."""
        root = os.fsencode(self.disk(name))
        found = {}
        for folder, folders, files in os.walk(root):
            for entry in folders + files:
                path = os.path.join(folder, entry)
                key = os.fsdecode(os.path.relpath(path, root))
                if os.path.islink(path):
                    found[key] = "-> " + os.fsdecode(os.readlink(path))
                elif os.path.isdir(path):
                    found[key] = None
                else:
                    found[key] = pathlib.Path(os.fsdecode(path)).read_bytes()
        return found

    # -- requests

    def ask(self, method, name="", headers=(), body=None, **kw):
        return self.server.ask(method, self.url + name, headers, body, **kw)

    def get(self, name="", *headers):
        return self.ask("GET", name, headers)

    def put(self, name, content=b"hello\n", *headers, **kw):
        return self.ask("PUT", name, headers, content, **kw)

    def mkcol(self, name, *headers):
        return self.ask("MKCOL", name, headers)

    def delete(self, name, *headers):
        return self.ask("DELETE", name, headers)

    def transfer(self, method, name, to, *headers):
        """`to` is a name in this folder, or, with a slash or a scheme at its beginning, a Destination as it is."""
        if not to.startswith("/") and "://" not in to:
            to = f"http://127.0.0.1:{self.server.port}{self.url}{to}"
        return self.ask(method, name, [("Destination", to), *headers])

    def copy(self, name, to, *headers):
        return self.transfer("COPY", name, to, *headers)

    def move(self, name, to, *headers):
        return self.transfer("MOVE", name, to, *headers)

    def propfind(self, name="", depth="0", body=None, headers=(), **kw):
        return self.server.propfind(self.url + name, depth, body, headers, **kw)

    def try_propfind(self, name="", depth="0", body=None, headers=(), **kw):
        return self.server.try_propfind(self.url + name, depth, body, headers, **kw)

    def etag(self, name=""):
        return self.propfind(name, body=prop_body("getetag"))[0].text("getetag")

    # -- properties

    def proppatch(self, name, *steps, headers=(), body=None):
        """Any PROPPATCH: returns the Answer."""
        headers = [("Content-Type", "application/xml"), *headers]
        return self.ask("PROPPATCH", name, headers, update_body(*steps) if body is None else body)

    def patched(self, name, *steps, headers=(), body=None):
        """A PROPPATCH that is answered with a 207: returns its only response."""
        answer = self.proppatch(name, *steps, headers=headers, body=body)
        result = answer.multistatus(self.url + name)
        assert len(result) == 1, result.responses
        return result[0]

    def set(self, name, **values):
        """Sets properties of our namespace to texts; all must go well."""
        xml = "".join(prop(local, harness.escape(text)) for local, text in values.items())
        response = self.patched(name, ("set", xml))
        assert set(response.props(200)) == {"{%s}%s" % (NS, n) for n in values}, response
        assert len(response.propstats) == 1, response

    def dead(self, name="", depth="0"):
        """{local: text} of the properties of our namespace, as allprop shows them; at other depths
        {path below: {local: text}}."""
        result = self.propfind(name, depth, ALLPROP)
        if depth == "0":
            return dead_of(result[0])
        own = len(result[0].path)
        return {os.fsdecode(r.path[own:]): dead_of(r) for r in result}

    def value(self, name, tag):
        """A property's element, asked for by name, or None."""
        ns, _, local = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
        return self.propfind(name, body=prop_body((ns, local)))[0].props().get(tag)


def dead_of(response):
    start = "{%s}" % NS
    return {tag[len(start):]: element.text or "" for tag, element in response.props().items() if tag.startswith(start)}


# -- the store


def store_path(server):
    return server.root / "state" / "store.db"


def integrity(server):
    with contextlib.closing(sqlite3.connect(store_path(server), timeout=10)) as db:
        return [row[0] for row in db.execute("PRAGMA integrity_check")]


# -- file systems


@contextlib.contextmanager
def mounted(path, size="64m"):
    """A small file system of its own at `path`, or the test is skipped."""
    if not IS_ROOT:
        pytest.skip("needs root to mount")
    path = pathlib.Path(path)
    path.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "none", str(path)],
                          capture_output=True, text=True)
    if done.returncode:
        pytest.skip("can't mount a tmpfs here: " + done.stderr.strip())
    try:
        give(path)
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextlib.contextmanager
def immutable(*paths):
    """chattr +i, or the test is skipped."""
    paths = [os.fsencode(p) for p in paths]
    done = subprocess.run(["chattr", "+i", "--", *paths], capture_output=True)
    try:
        if done.returncode:
            pytest.skip("can't make files immutable here")
        yield
    finally:
        subprocess.run(["chattr", "-i", "--", *[p for p in paths if os.path.lexists(p)]], capture_output=True)


# -- fixtures


counter = iter(range(1, 1 << 30))


@pytest.fixture
def dav(server):
    """A fresh folder that can be written to, on the server that all tests share."""
    name = f"w{next(counter)}"
    path = server.data / name
    path.mkdir()
    yield Dav(server, path, f"/dav/{name}/")
    left = leftovers(path)
    shutil.rmtree(os.fsencode(path), ignore_errors=True)
    assert not left, left


@pytest.fixture
def dav_on(httpd):
    """dav_on(**arguments of harness.Server): the Dav of the whole /dav/ of a server of one's own."""
    made = []

    def start(**kw):
        place = httpd(**kw)
        made.append(Dav(place.server, place.path, place.url))
        return made[-1]

    yield start
    left = [path for dav in made for path in leftovers(dav.path)]
    assert not left, left


