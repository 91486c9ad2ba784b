"""What a stranger found wrong."""

import base64
import concurrent.futures
import contextlib
import hashlib
import os
import sqlite3
import subprocess
import time

import pytest

import harness
import locking
import writing


def password_file(server, name, **users):
    lines = [f"{user}:{{SHA}}" + base64.b64encode(hashlib.sha1(word.encode()).digest()).decode() for user, word in users.items()]
    (server.root / name).write_text("\n".join(lines) + "\n")


def basic(file):
    return f'AuthType Basic\nAuthName "one"\nAuthUserFile "{{root}}/{file}"\nRequire valid-user\n'


def credentials(user, password):
    return [("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())]


MALLORY = credentials("admin", "mallory")  # true in the file "theirs" only


@pytest.fixture
def made():
    servers = []

    def make(conf="", files=(), **kw):
        server = harness.Server(conf=conf, **kw)
        servers.append(server)
        server.expect_log("AH0161|AH0180")
        for name, text in dict(files).items():
            path = server.data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{root}", str(server.root)))
        password_file(server, "ours", admin="secret")
        password_file(server, "theirs", admin="mallory")
        writing.give(server.data)
        return server.start()

    yield make
    for server in servers:
        wrong = server.stop()
        server.remove()
        assert not wrong, "\n".join(wrong)


def copy(server, source, target, headers=MALLORY):
    url = f"http://127.0.0.1:{server.port}{target}"
    return server.ask("COPY", source, [("Destination", url), *headers]).status


def put(server, target, headers=MALLORY):
    return server.ask("PUT", target, headers, b"x").status


@pytest.mark.parametrize("section, root, kw", (("Directory", "{data}", {}), ("Location", "/dav", dict(
    dav=False, directory="Options FollowSymLinks\nDavMultistatus On"))))
def test_pairs_of_sections_that_join_to_one_number(made, section, root, kw):
    """Three teams of two sections each: the numbers 1 ^ 2 and 5 ^ 6 are the same."""
    conf = "".join(f'<{section} "{root}/{team}{folder}">\n{basic(users)}</{section}>\n'
                   for team, users in (("a", "theirs"), ("b", "ours"), ("c", "ours")) for folder in ("", "/in"))
    files = {f"{team}/in/x": team for team in "abc"}
    server = made(conf, files, **kw)
    assert put(server, "/dav/c/in/y") == 401
    assert put(server, "/dav/a/in/y") == 201
    assert copy(server, "/dav/a/in/x", "/dav/c/in/new") == 401
    assert not (server.data / "c/in/new").exists()


OVERRIDE = '<Directory "{data}">\nAllowOverride AuthConfig\n%s</Directory>\n'


@pytest.mark.parametrize("inner", ("Files \"mine\"", "If \"true\""))
def test_the_author_of_an_htaccess_lets_nobody_in_elsewhere(made, inner):
    """The owner of a folder writes a section into its .htaccess, with a password file of their own."""
    server = made(OVERRIDE % basic("ours"),
                  {"sub/.htaccess": f'<{inner}>\n{basic("theirs")}</{inner.split()[0]}>\n', "sub/mine": "m", "top": "t"})
    assert put(server, "/dav/new") == 401
    assert server.get("/dav/sub/mine", *MALLORY).status == 200
    assert copy(server, "/dav/sub/mine", "/dav/new") == 401
    assert not (server.data / "new").exists()


@pytest.mark.parametrize("inner", ("Files \"hidden\"", "If \"%{REQUEST_URI} =~ /hidden/\""))
def test_a_section_in_htaccess_is_asked_for(made, inner):
    server = made(OVERRIDE % basic("theirs"),
                  {"sub/.htaccess": f'<{inner}>\n{basic("ours")}</{inner.split()[0]}>\n', "sub/hidden": "m", "top": "t"})
    assert server.get("/dav/top", *MALLORY).status == 200
    assert server.get("/dav/sub/hidden", *MALLORY).status == 401
    assert "hidden" not in server.propfind("/dav/sub/", "1", None, MALLORY).names()
    copy(server, "/dav/sub/", "/dav/new/")
    assert not (server.data / "new/hidden").exists()


def test_who_is_let_in_where_a_rewrite_rule_looks_is_not_let_in_elsewhere(made):
    """A subrequest of a question is let in: that says nothing of the question."""
    conf = f'''RewriteEngine On
RewriteCond %{{REQUEST_URI}} ^/dav/ours
RewriteCond /dav/theirs/x -U
RewriteRule ^ - [E=seen:1]
<LocationMatch "^/dav/ours">
{basic("ours")}</LocationMatch>
<Location "/dav/theirs">
{basic("theirs")}</Location>
'''
    server = made(conf, {"ours1/x": "1", "ours2/x": "1", "theirs/x": "2"}, modules=["rewrite"])
    assert put(server, "/dav/ours1/new") == put(server, "/dav/ours2/new") == 401
    assert server.propfind("/dav/", "1", None, MALLORY).names() == ["theirs/"]


def test_a_session_of_another_name_is_another_session(made):
    conf = '''<Location "/dav/">
AuthType Form
AuthName one
AuthFormProvider file
AuthUserFile "{root}/theirs"
Session On
SessionCookieName one path=/
Require valid-user
</Location>
<Location "/dav/other">
SessionCookieName two path=/
</Location>'''
    server = made(conf, {"other/x": "1", "x": "2"}, modules=["request", "session", "session_cookie", "auth_form"])
    cookie = [("Cookie", "one=one-user=admin&one-pw=mallory")]
    assert put(server, "/dav/new", cookie) == 201
    refused = put(server, "/dav/other/new", cookie)
    assert refused != 201
    assert copy(server, "/dav/x", "/dav/other/new", cookie) == refused


PATCH_HEADERS = [("Content-Type", "application/xml")]
MEMBERS = 12000


def test_a_listing_that_the_store_fails_in_is_not_cut_in_silence(made):
    """What the store fails to tell of a second page of properties may cost those, or the end of the answer; members of
    the folder that are on the disk are never left out of an answer that claims to be whole."""
    server = made(files={"f/m00000": ""})
    for i in range(MEMBERS):
        (server.data / f"f/m{i:05}").write_text("")
    answer = server.ask("PROPPATCH", "/dav/f/m00000", PATCH_HEADERS, writing.update_body(("set", writing.prop("a", "1"))))
    assert answer.status == 207
    path = server.root / "state/store.db"
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as db, db:
        collection, ns, local, xml = db.execute("SELECT collection, ns, local, xml FROM property").fetchone()
        xml = xml.replace(">1<", ">" + "v" * 800 + "<")
        db.executemany("INSERT OR REPLACE INTO property (collection, member, ns, local, size, xml)"
                       " VALUES (?, ?, ?, ?, ?, ?)",
                       ((collection, f"m{i:05}", ns, local, len(xml), xml) for i in range(MEMBERS)))
    server.expect_log("no such table")
    with server.connect(rcvbuf=4096) as connection:
        connection.send("PROPFIND", "/dav/f/", [("Depth", "1"), *PATCH_HEADERS], harness.ALLPROP)
        connection.read_head()
        time.sleep(0.5)  # the server waits for us, in the midst
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as db, db:
            db.execute("ALTER TABLE property RENAME TO gone")
        try:
            body = b"".join(connection.chunked_pieces())
        except harness.Truncated:
            return
    assert body.count(b"<D:response>") == MEMBERS + 1


def test_a_lock_on_the_parent_that_was_granted_meanwhile_keeps_a_name(made):
    server = made(location="DavMultistatusSync Off", files={"p/f/m": ""})
    folder = server.data / "p/f"
    for i in range(30000):
        (folder / f"m{i:05}").write_text("")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        deleted = pool.submit(server.ask, "DELETE", "/dav/p/f/")
        while len(os.listdir(folder)) > 30000:
            pass
        locked = server.ask("LOCK", "/dav/p/", [("Depth", "0"), *PATCH_HEADERS], locking.lock_body())
        assert locked.status == 200 and folder.exists()
        assert deleted.result().status == 423 and folder.exists()


@pytest.mark.skipif(not harness.IS_ROOT, reason="mounts")
def test_a_lock_that_could_not_be_kept_leaves_no_file(made):
    """LOCK of nothing, with no room in the store: 507, and nothing has been made."""
    server = harness.Server(location="DavMultistatusSync Off")
    server.expect_log("No space left")
    writing.give(server.data)
    state = server.root / "state"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", state], check=True)
    try:
        writing.give(state)
        server.start()
        assert server.ask("LOCK", "/dav/a", PATCH_HEADERS, locking.lock_body()).status == 201
        with contextlib.suppress(OSError), open(state / "fill", "wb", buffering=0) as f:
            while f.write(b"x" * 4096):
                pass
        assert server.ask("LOCK", "/dav/new", PATCH_HEADERS, locking.lock_body()).status == 507
        assert not (server.data / "new").exists()
    finally:
        server.stop()
        subprocess.run(["umount", "-l", state], check=True)
        server.remove()
