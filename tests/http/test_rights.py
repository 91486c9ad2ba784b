"""Rights that a method implies, at the root of what it acts on and below: each denied by itself, nothing is done."""

import pytest

import access

LOCKINFO = ('<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>'
            '</D:lockinfo>')


def deny(place, *methods):
    """Only alice may use these methods at a URL below /dav/."""
    return f'<Location "/dav/{place}">\n<Limit {" ".join(methods)}>\nRequire user alice\n</Limit>\n</Location>\n'


CONF = (
    deny("box", "GET") + deny("unread.txt", "GET") + deny("kept", "DELETE") + deny("kept.txt", "DELETE") + deny("noput", "PUT")
    + '<Location "/dav/private">\nRequire user alice\n</Location>\nRedirect 301 "/dav/moved" "http://127.0.0.1/other"\n')


@pytest.fixture(scope="module")
def guarded():
    g = access.Guarded(conf=CONF, location="Require valid-user\n")
    yield g
    access.stop(g)


@pytest.fixture
def g(guarded):
    guarded.begin()
    guarded.expect_refusals()
    guarded.make({"box/a.txt": "secret", "box/sub/b.txt": "secret", "unread.txt": "secret", "kept/in.txt": "kept",
                  "kept.txt": "kept", "free/f.txt": "free", "free.txt": "free", "noput/x": "x", "private/p": "p"})
    yield guarded
    wrong = guarded.end()
    assert not wrong, wrong


def test_a_copy_reads(g):
    assert g.transfer("bob", "COPY", "unread.txt", "got.txt").status in (401, 403)
    assert not (g.server.data / "got.txt").exists()
    assert g.transfer("alice", "COPY", "unread.txt", "got.txt").status == 201


def test_a_copy_of_a_folder_reads_each_file(g):
    """A drop box: who may list it and put something in may not read it, by no way."""
    assert g.ask("bob", "GET", "box/a.txt").status in (401, 403)
    answer = g.transfer("bob", "COPY", "box", "got")
    assert answer.status == 207
    assert set(access.failures(answer, "/dav/box/").values()) == {403}
    assert not [p for p in (g.server.data / "got").rglob("*") if p.is_file()]
    assert g.transfer("alice", "COPY", "box", "all").status == 201
    assert (g.server.data / "all/sub/b.txt").read_text() == "secret"


def test_what_a_copy_or_move_overwrites_is_removed(g):
    for method, source in (("COPY", "free"), ("MOVE", "free"), ("COPY", "free.txt")):
        assert g.transfer("bob", method, source, "kept").status in (401, 403), method
        assert (g.server.data / "kept/in.txt").read_text() == "kept"
    assert g.transfer("bob", "COPY", "free", "kept.txt").status in (401, 403)
    assert (g.server.data / "kept.txt").read_text() == "kept"
    assert g.transfer("bob", "COPY", "free.txt", "kept.txt").status == 204  # another content, as PUT gives it


def test_a_lock_that_makes_a_file_takes_the_right_to_put(g):
    headers = [("Content-Type", "application/xml")]
    assert g.ask("bob", "LOCK", "noput/new", headers, LOCKINFO).status in (401, 403)
    assert not (g.server.data / "noput/new").exists()
    assert g.ask("bob", "LOCK", "noput/x", headers, LOCKINFO).status == 200
    assert g.ask("alice", "LOCK", "noput/new", headers, LOCKINFO).status == 201


def test_a_destination_that_needs_a_login_asks_for_it(guarded):
    guarded.begin()
    guarded.expect_refusals()
    guarded.make({"free.txt": "free", "private/p": "p"})
    answer = guarded.transfer("bob", "COPY", "free.txt", "private/new")
    assert answer.status == 401 and answer.get("WWW-Authenticate").startswith("Basic")
    answer = guarded.transfer("bob", "COPY", "free.txt", "moved/new")
    assert answer.status == 502 and answer.get("Location") is None
    assert not guarded.end()
