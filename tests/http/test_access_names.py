"""Names that a listing hides are in no answer: of locks, conditions and failures; and rules of other modules, as they are
configured and told."""

import os
import re
import subprocess

import pytest

import access
import harness
import locking
from access import ALICE, as_user

BODY = locking.lock_body()
XML = [("Content-Type", "application/xml")]


@pytest.fixture(scope="module")
def started():
    guarded = access.Guarded(conf=f'<LocationMatch "^/(dav|own)/.*hidden">\n{ALICE}</LocationMatch>\n'
                             f'Alias "/own" "{{data}}"\n<Location "/own">\nDavMultistatus On\n{access.AUTH}{ALICE}</Location>\n'
                             '<Location "/dav/shown">\nDavMultistatusShowForbidden On\n</Location>\n')
    yield guarded
    access.stop(guarded)


@pytest.fixture
def guarded(started):
    started.begin()
    started.expect_refusals()
    started.make({"d/hidden.txt": "h", "d/a/hidden/in.txt": "h", "d/a/open.txt": "o", "d/open.txt": "o", "e/f.txt": "f",
                  "g/hidden.txt": "h", "g/a/open.txt": "o"})
    yield started
    wrong = started.end()
    assert not wrong, "\n".join(wrong)


def lock(guarded, name, depth="0", base="/dav/"):
    answer = guarded.server.ask("LOCK", base + name, [*as_user("alice"), ("Depth", depth), *XML], BODY)
    assert answer.status in (200, 201), answer
    return locking.Lock(answer)


def lock_deep(guarded, name):
    return guarded.ask("bob", "LOCK", name, [("Depth", "infinity"), *XML], BODY)


def tells(answer, *words):
    """An answer as a whole, to look for what must not be in it."""
    text = answer.body + repr(answer.headers).encode()
    return [word for word in words if word.encode() in text]


def test_locks_on_hidden_members_name_no_one(guarded):
    token = lock(guarded, "d/hidden.txt").token
    inner = lock(guarded, "d/a/hidden/in.txt").token
    for answer in (lock_deep(guarded, "d/"), lock_deep(guarded, "d/a/")):  # no lock of bob's may bind that folder
        assert answer.status == 403 and not tells(answer, "hidden", token, inner), answer
    other = lock(guarded, "g/hidden.txt").token
    answer = lock_deep(guarded, "g/")
    assert answer.status == 423 and not tells(answer, "hidden", other), answer
    before = guarded.dav.tree()
    for method, source, to in (("MOVE", "d/", "new/"), ("MOVE", "d/a/", "new/"), ("COPY", "e/", "d/"), ("MOVE", "e/", "d/")):
        answer = guarded.transfer("bob", method, source, to)
        assert answer.status in (403, 423) and not tells(answer, "hidden", token, inner), answer
    assert guarded.dav.tree() == before
    answer = guarded.ask("bob", "DELETE", "d/")
    assert access.failures(answer, "/dav/d/") == {"": 403, "a/": 403} and not tells(answer, "hidden", token, inner)
    assert set(guarded.dav.tree("d")) == {"hidden.txt", "a", "a/hidden", "a/hidden/in.txt"}


def test_what_is_not_hidden_is_named_beside_it(guarded):
    lock(guarded, "d/a/hidden/in.txt")
    lock(guarded, "d/a/open.txt")
    lock(guarded, "g/hidden.txt")
    lock(guarded, "g/a/open.txt")
    answer = lock_deep(guarded, "g/")
    assert answer.status == 207 and not tells(answer, "hidden")
    assert {r.path: r.status for r in answer.multistatus()} == {b"/dav/g/a/open.txt": 423, b"/dav/g/": 424}
    answer = guarded.ask("bob", "DELETE", "d/")
    assert access.failures(answer, "/dav/d/") == {"": 403, "a/": 403, "a/open.txt": 423}


def test_a_lock_of_another_url_space_is_not_named(guarded):
    """Alice's lock was made at /own, where bob may see nothing."""
    lock(guarded, "d/", "infinity", "/own/")
    for method, body in (("LOCK", BODY), ("PUT", "x"), ("DELETE", None)):
        answer = guarded.ask("bob", method, "d/open.txt", XML, body)
        assert answer.status == 423 and not tells(answer, "/own"), answer
        assert locking.error_hrefs(answer, "no-conflicting-lock" if method == "LOCK" else "lock-token-submitted") == ["/dav/d/open.txt"]
    answer = guarded.propfind("bob", "d/", "1", locking.DISCOVERY)
    assert b"lockroot" in answer.body and b"/own" not in answer.body
    answer = guarded.propfind("alice", "d/", "1", locking.DISCOVERY)
    assert b"/own/d/" in answer.body


def test_names_that_are_to_be_shown_are_told(guarded):
    guarded.make({"shown/hidden.txt": "h", "shown/x.txt": "x"})
    assert access.failures(guarded.ask("bob", "DELETE", "shown/"), "/dav/shown/") == {"hidden.txt": 403}


def test_many_hidden_members_are_one_response(guarded):
    guarded.make({f"m/hidden{i}": "h" for i in range(300)} | {f"m/s{i}/hidden": "h" for i in range(3)})
    answer = guarded.ask("bob", "DELETE", "m/")
    assert access.failures(answer, "/dav/m/") == {"": 403, "s0/": 403, "s1/": 403, "s2/": 403}
    assert len(answer.multistatus()) == 4


# -- rules

NOTICE = r"(?:RewriteRule|SSLRequire) in \S+:\d+ may decide by the URL.*DavMultistatusAuthz auto asks for each member"


@pytest.mark.parametrize("lines, modules", [
    ('RewriteEngine On\nRewriteRule "^x" "-" [F]\nRewriteRule "^y" "-" [F]\n', ["rewrite"]),
    ('SSLRequire %{REQUEST_URI} !~ m#/secret#\n', ["socache_shmcb", "ssl"])])
def test_the_log_says_once_that_each_member_is_asked_for(lines, modules):
    server = harness.Server(conf=f'<Directory "{{data}}">\n{lines}</Directory>\n', modules=modules).start()
    server.propfind("/dav/", "1")
    assert len(re.findall(NOTICE, server.log_text())) == 1
    assert not server.stop()
    server.remove()


@pytest.mark.parametrize("line, module", [("RewriteRule ^x - [F]", "rewrite"), ("Require all granted", "authz_core"),
                                          ("SetEnvIf Request_URI x y", "setenvif"), ("RedirectMatch 404 x", "alias"),
                                          ("ProxyPass http://127.0.0.1/", "proxy")])
def test_a_directive_whose_module_is_not_loaded_stays_an_error(tmp_path, line, module):
    (tmp_path / "httpd.conf").write_text(
        f'LoadModule mpm_event_module {harness.MODULES_DIR}/mod_mpm_event.so\nLoadModule dav_multistatus_module {harness.MODULE}\n'
        f'ServerName x\nErrorLog {tmp_path}/log\n<Location "/">\n{line}\n</Location>\n')
    done = subprocess.run([harness.HTTPD, "-t", "-f", str(tmp_path / "httpd.conf")], capture_output=True, text=True, check=False,
                          env={**os.environ, **({"LD_PRELOAD": harness.PRELOAD} if harness.PRELOAD else {})})
    assert done.returncode and f"Invalid command '{line.split()[0]}'" in done.stderr, done


def test_nor_is_it_one_where_an_htaccess_may_have_such():
    """AllowOverride Nonfatal=Unknown, as hosters set it."""
    server = harness.Server(conf='<Directory "{data}/free">\nAllowOverride All Nonfatal=Unknown\n</Directory>\n'
                            '<Directory "{data}/strict">\nAllowOverride All\n</Directory>\n')
    for name in ("free", "strict"):
        (server.data / name).mkdir()
        (server.data / name / ".htaccess").write_text("RewriteRule ^x - [F]\n")
        (server.data / name / "a.txt").write_text("a")
    server.start()
    server.expect_log("AH00526|Invalid command 'RewriteRule'")
    try:
        assert [server.get(f"/dav/{name}/a.txt").status for name in ("free", "strict")] == [200, 500]
        assert server.propfind("/dav/free/", "1")
    finally:
        wrong = server.stop()
        server.remove()
    assert not wrong, wrong
