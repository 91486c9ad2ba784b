"""docs/recipes.md, pasted into Debian's stock configuration: each recipe lets do what it says, and nothing else, by every method."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import time

import pytest

import handlers
import harness
from harness import IS_ROOT
from locking import lock_body
from writing import give, prop, update_body, wait_until

TEXT = (harness.REPO / "docs/recipes.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!^## ).*\n)*)", TEXT, re.M))
MODULES = ["authz_groupfile", "remoteip", "rewrite", "ldap", "authnz_ldap"]


def blocks(heading, language="apache"):
    return re.findall(rf"^```{language}\n(.*?)^```", SECTIONS[heading], re.M | re.S)


def pasted(text):
    """A recipe as it stands, but for where things are on this machine."""
    return text.replace("/srv/", "{root}/srv/").replace("/etc/apache2/", "{root}/").replace("*:80>", "*:{port}>")


def user(name, password="secret"):
    return [("Authorization", "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode())]


NOBODY, JANE, JOHN, MARY = [], user("jane"), user("john"), user("mary")
FILES = {"files/a.txt": "a", "files/.htpasswd": "x", "files/private/b.txt": "b", "files/private/.htaccess": "", "files/site/c.txt": "c",
         "drop/there.txt": "x", "homes/jane/h.txt": "h", "homes/john/h.txt": "h", "homes/.x/h.txt": "h", "site/index.html": "<p>", "site/page.html": "<p>", "www/index.html": "<p>"}


# Debian's, in short.
STOCK = 'DocumentRoot "/srv/www"\n<Directory "/srv/www">\nRequire all granted\n</Directory>'


def serve(*recipes, umask=0o022, modules=MODULES):
    missing = [name for name in modules if not os.path.exists(f"{harness.MODULES_DIR}/mod_{name}.so")]
    if missing:
        pytest.skip(f"no mod_{missing[0]} here")
    server = harness.Server("\n".join(map(pasted, (STOCK, *recipes))), dav=False, modules=modules)
    for name, content in FILES.items():
        path = server.root / "srv" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    give(server.root / "srv")
    password = "{SHA}" + base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
    (server.root / "dav-users").write_text("".join(f"{name}:{password}\n" for name in ("jane", "john", "mary")))
    (server.root / "dav-groups").write_text("writers: jane john\n")
    server.expect_log("authz_core:error.*client denied|auth_basic:error.*: (authentication failure|user .* not found)|authorization failure")
    before = os.umask(umask)
    try:
        return server.start()
    finally:
        os.umask(before)


@pytest.fixture
def site():
    """site(recipe, ...) is a server with these, some users and folders."""
    servers = []

    def start(*recipes, **kw):
        servers.append(serve(*recipes, **kw))
        return servers[-1]
    yield start
    wrong = [line for server in servers for line in server.stop()]
    for server in servers:
        server.remove()
    assert not wrong, "\n".join(wrong)


XML = ("Content-Type", "application/xml")
PATCH = [("Content-Type", "application/x-sabredav-partialupdate"), ("X-Update-Range", "append")]
READ = {"GET", "HEAD", "OPTIONS", "PROPFIND"}
WRITE = {"PUT", "PUT over", "MKCOL", "PATCH", "PROPPATCH", "LOCK", "LOCK new", "COPY", "MOVE", "DELETE"}
ALL = READ | WRITE


def can(server, url, who, host=None):
    """Which methods a user may use in the folder at `url`, on files of the test's own there."""
    folder = server.root / "srv" / server.folder
    headers = who + [("Host", host)] * bool(host)
    done = set()

    def attempt(name, method, target, *more, body=None):
        for path in ("made", "copy", "moved", "new", "locked"):
            shutil.rmtree(folder / path, ignore_errors=True)
            (folder / path).unlink(missing_ok=True)
        (folder / "own").write_text("own")
        give(folder / "own")
        answer = server.ask(method, url + target, [*headers, *more], body)
        if answer.status < 300:
            done.add(name)
            if answer.get("Lock-Token"):
                assert server.ask("UNLOCK", url + target, [*headers, ("Lock-Token", answer.get("Lock-Token"))]).status == 204
        else:
            assert answer.status in (401, 403, 404, 405), (name, answer)
    destination = f"http://{host or '127.0.0.1:' + str(server.port)}{url}"
    for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        attempt(method, method, "own")
    attempt("PROPFIND", "PROPFIND", "", ("Depth", "1"))
    attempt("PUT", "PUT", "new", body=b"x")
    attempt("PUT over", "PUT", "own", body=b"x")
    attempt("PATCH", "PATCH", "own", *PATCH, body=b"x")
    attempt("MKCOL", "MKCOL", "made")
    attempt("PROPPATCH", "PROPPATCH", "own", XML, body=update_body(("set", prop("a", "1"))))
    attempt("LOCK", "LOCK", "own", XML, body=lock_body())
    attempt("LOCK new", "LOCK", "locked", XML, body=lock_body())
    attempt("COPY", "COPY", "own", ("Destination", destination + "copy"))
    attempt("MOVE", "MOVE", "own", ("Destination", destination + "moved"))
    return done


def hidden_stays_hidden(server, url, *users):
    """.ht* is nobody's."""
    for who in users:
        for method in ("GET", "PROPFIND", "PUT", "DELETE", "PROPPATCH", "LOCK"):
            assert server.ask(method, url + ".htpasswd", who, b"x" if method == "PUT" else None).status in (401, 403)
            assert server.ask(method, url + ".htaccess", who, b"x" if method == "PUT" else None).status in (401, 403)
        if server.try_propfind(url, "1", headers=who).status == 207:
            assert not any(name.startswith(".ht") for name in server.propfind(url, "1", headers=who).names())


def test_who_may_do_what(site):
    rules, merged = blocks("Who may do what")
    for recipe in (rules,), (rules, merged):
        server = site(*recipe)
        server.folder = "files"
        assert can(server, "/files/", NOBODY) == can(server, "/files/", MARY) == READ
        assert can(server, "/files/", JANE) == can(server, "/files/", JOHN) == ALL
        hidden_stays_hidden(server, "/files/", NOBODY, JANE)
        server.folder = "files/private"
        assert can(server, "/files/private/", JANE) == ALL
        assert can(server, "/files/private/", JOHN) == can(server, "/files/private/", NOBODY) == set()
        assert "private/" not in server.propfind("/files/", "1", headers=JOHN).names()


def test_the_warning_is_true(site):
    """Without AuthMerging a Require in a <Location> opens what others have closed."""
    rules, merged = blocks("Who may do what")
    server = site(rules, merged.replace("    AuthMerging And\n", ""))
    assert server.get("/files/.htpasswd").status == 200


def test_who_may_write_htaccess(site):
    (recipe,), (rules, _) = blocks("Who may write .htaccess"), blocks("Who may do what")
    server = site(rules, recipe)
    assert server.ask("PUT", "/files/site/.htaccess", JANE, b"# x\n").status == 201
    assert server.ask("PUT", "/files/site/.htaccess", JOHN, b"x").status in (401, 403)
    assert server.ask("PUT", "/files/.htaccess", JANE, b"x").status == 403
    server.folder = "files/site"
    assert can(server, "/files/site/", JOHN) == ALL and can(server, "/files/site/", MARY) == READ


def test_read_only(site):
    server = site(*blocks("Read-only"))
    server.folder = "files"
    assert can(server, "/files/", NOBODY) == can(server, "/files/", JANE) == READ
    hidden_stays_hidden(server, "/files/", NOBODY)


def test_a_drop_box(site):
    server = site(*blocks("A drop box"))
    server.folder = "drop"
    assert can(server, "/drop/", NOBODY) == can(server, "/drop/", MARY) == {"PUT"}
    assert can(server, "/drop/", JANE) == ALL
    assert (server.root / "srv/drop/there.txt").read_text() == "x"
    assert server.ask("PUT", "/drop/there.txt", body=b"y", headers=[("Content-Range", "bytes 0-0/*")]).status == 401
    hidden_stays_hidden(server, "/drop/", NOBODY, JANE)


def test_homes_each_with_its_url(site):
    server = site(*blocks("Homes, each with its URL"))
    for name, who, other in ("jane", JANE, JOHN), ("john", JOHN, JANE):
        server.folder = f"homes/{name}"
        assert can(server, f"/homes/{name}/", who) == ALL
        assert can(server, f"/homes/{name}/", other) == can(server, f"/homes/{name}/", NOBODY) == set()
        hidden_stays_hidden(server, f"/homes/{name}/", who)
        server.propfind(f"/homes/{name}", "infinity", headers=who)
    for path in ("/homes/", "/homes", "/homes/.x/", "/homes//", "/homes/../homes/john/", "/homes/jane/../john/", "/homes/jane%2f..%2fjohn/"):
        assert server.ask("PROPFIND", path, [*JANE, ("Depth", "1")]).status in (401, 403, 404, 405), path
    for method in "COPY", "MOVE":
        assert server.ask(method, "/homes/jane/h.txt", [*JANE, ("Destination", "/homes/john/stolen")]).status in (401, 403)
        assert server.ask(method, "/homes/john/h.txt", [*JANE, ("Destination", "/homes/jane/stolen")]).status in (401, 403)


def home_stays(server, url, who, folder):
    """By whatever spelling, neither removed, moved nor replaced; what is in it may be."""
    (folder / "kept.txt").write_text("kept")
    (folder / "sub").mkdir(exist_ok=True)
    give(folder)
    for path in url, url + "/", url + "/.", url.replace("/", "//"), url[:-1] + f"%{ord(url[-1]):x}", url + "/sub/..":
        for method, *headers in (("DELETE",), ("PUT",), ("MOVE", ("Destination", url + "2")), ("MOVE", ("Destination", url + "/sub/in"))):
            assert server.ask(method, path, [*who, *headers], b"x" if method == "PUT" else None).status >= 400, (method, path)
        for method in "COPY", "MOVE":
            assert server.ask(method, url + "/kept.txt", [*who, ("Destination", path)]).status >= 400, (method, path)
    assert (folder / "kept.txt").read_text() == "kept"
    assert server.ask("DELETE", url + "/kept.txt", who).status == 204
    assert server.ask("PROPFIND", url, [*who, ("Depth", "1")]).status == 207


def test_a_home_stays(site):
    server = site(*blocks("Homes, each with its URL"))
    homes = server.root / "srv/homes"
    home_stays(server, "/homes/jane", JANE, homes / "jane")
    assert server.ask("PUT", "/homes/mary", MARY, b"x").status == 403
    assert server.ask("LOCK", "/homes/mary", [*MARY, XML], lock_body()).status == 403
    assert server.ask("MKCOL", "/homes/mary", JANE).status in (401, 403)
    assert server.ask("MKCOL", "/homes/mary", MARY).status == 201 and (homes / "mary").is_dir()


def test_a_home_of_one_url_for_all_stays(site):
    server = site(*blocks("Homes, one URL for all"))
    home_stays(server, "/my", JANE, server.root / "srv/homes/jane")


def test_homes_one_url_for_all(site):
    server = site(*blocks("Homes, one URL for all"))
    for name, who in ("jane", JANE), ("john", JOHN):
        server.folder = f"homes/{name}"
        assert can(server, "/my/", who) == ALL
        assert server.propfind("/my/", "infinity", headers=who).hrefs[0] == "/my/"
        assert server.ask("PUT", f"/my/of-{name}.txt", who, b"x").status == 201
        assert (server.root / f"srv/homes/{name}/of-{name}.txt").exists()
        hidden_stays_hidden(server, "/my/", who)
    assert can(server, "/my/", NOBODY) == set() and server.ask("PROPFIND", "/my/").status in (401, 403)
    assert server.ask("GET", "/my/../john/h.txt", JANE).status in (400, 403, 404)


WRITABLE = {"Who may do what": ("/files/", "files"), "A drop box": ("/drop/", "drop"), "Homes, each with its URL": ("/homes/jane/", "homes/jane"),
            "Homes, one URL for all": ("/my/", "homes/jane"), "Several sites on one folder": ("/", "site")}


@pytest.mark.parametrize("heading", WRITABLE)
def test_nothing_is_run(site, heading):
    url, folder = WRITABLE[heading]
    server = site(handlers.CONF, blocks(heading)[0], modules=MODULES + handlers.MODULES)
    server.expect_log("AH01374")  # mod_include, of what it leaves alone
    headers = JANE + ([("Host", "edit.example.org")] if url == "/" else [])
    assert not handlers.run(server, url, server.root / "srv" / folder, headers)


def test_who_has_no_password_yet_is_asked_for_it(site):
    """Else no client would ever send one."""
    for heading, url in ("Homes, one URL for all", "/my/"), ("Homes, each with its URL", "/homes/jane/"), ("A drop box", "/drop/"):
        assert site(*blocks(heading)).ask("PROPFIND", url).status == 401, heading


def test_the_trap_is_one(site):
    recipe = blocks("Homes, one URL for all")[0]
    trap = re.sub("(?s)^RewriteEngine.*?(?=<Location)", "", recipe).replace('<Location "/my">', '<Location "/my">\n    Alias "/srv/homes/%{REMOTE_USER}"')
    assert "john/" in site(trap).propfind("/my/", "1", headers=JANE).names()


def test_several_sites(site):
    server = site(*blocks("Several sites on one folder"))
    server.folder = "site"
    assert can(server, "/", NOBODY, "www.example.org") == {"GET", "HEAD", "OPTIONS"}
    assert can(server, "/", NOBODY, "edit.example.org") == set()
    assert can(server, "/", JANE, "edit.example.org") == ALL
    edit = [*JANE, ("Host", "edit.example.org")]
    hidden_stays_hidden(server, "/", edit)
    assert server.ask("PUT", "/new.php", edit, b"<?php").status == 201
    assert server.ask("GET", "/", [("Host", "www.example.org")]).body == b"<p>"


@pytest.mark.root
def test_files_that_a_group_may_write(site):
    assert blocks("Files that a group may write", "sh") == ["umask 002\n"]
    commands = re.findall("^    sudo (.*)", SECTIONS["Files that a group may write"], re.M)
    rules, _ = blocks("Who may do what")
    server = site(rules, umask=0o002)
    folder = server.root / "srv/files"
    assert commands.pop(0) == "groupadd editors"
    assert commands.pop(0) == "usermod -aG editors www-data"  # for copies to keep the bit
    for command in commands:
        subprocess.run(command.replace("/srv/", f"{server.root}/srv/").replace("editors", "games"), shell=True, check=True)
    assert server.ask("PUT", "/files/new", JANE, b"x").status == 201
    assert server.ask("PUT", "/files/new", JANE, b"y").status == 204
    assert server.ask("MKCOL", "/files/folder", JANE).status == 201
    assert server.ask("PUT", "/files/folder/in", JANE, b"x").status == 201
    for name, mode in {"a.txt": 0o664, "private": 0o2775, "new": 0o664, "folder": 0o2775, "folder/in": 0o664}.items():
        path = folder / name
        assert (path.group(), oct(path.stat().st_mode & 0o7777)) == ("games", oct(mode)), name


def test_a_browser_s_application(site):
    (cors,), (rules, _) = blocks("A browser's application on another site"), blocks("Who may do what")
    server = site(rules, cors)
    preflight = [("Origin", "https://notes.example.org"), ("Access-Control-Request-Method", "PUT")]
    assert server.ask("OPTIONS", "/files/a.txt", preflight).get("Access-Control-Allow-Origin") == "https://notes.example.org"
    server.folder = "files"
    assert can(server, "/files/", JANE + preflight[:1]) == ALL and can(server, "/files/", MARY + preflight[:1]) == READ


PROXIED = [("Host", "dav.example.org"), ("X-Forwarded-For", "192.0.2.7")]


def test_behind_a_tls_terminator(site):
    (behind,), (rules, _) = blocks("Behind a TLS terminator, or nginx"), blocks("Who may do what")
    server = site(behind, rules)
    server.folder = "files"
    assert can(server, "/files/", JANE, "dav.example.org") == ALL
    assert server.ask("MOVE", "/files/a.txt", [*JANE, *PROXIED, ("Destination", "https://dav.example.org/files/b.txt")]).status == 201
    wait_until(lambda: '192.0.2.7 "MOVE' in (server.root / "logs/access.log").read_text())
    assert server.ask("PUT", "/files/x", [*user("jane", "wrong"), *PROXIED], b"x").status == 401
    server.wait_log("client 192.0.2.7.*AH01617")


@pytest.mark.skipif(not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), reason="no nginx")
def test_behind_nginx(site, tmp_path):
    (behind,), (rules, _), (nginx,) = (blocks("Behind a TLS terminator, or nginx"), blocks("Who may do what"),
                                       blocks("Behind a TLS terminator, or nginx", "nginx"))
    server = site(behind, rules)
    server.folder = "files"
    port = harness.free_port()
    certificate = re.findall(r"ssl_certificate(?:_key)? (.*);", nginx)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=dav.example.org", "-out", tmp_path / "pem",
                    "-keyout", tmp_path / "key"], check=True, capture_output=True)
    for there, here in zip(certificate, ("pem", "key"), strict=True):
        nginx = nginx.replace(f" {there};", f" {tmp_path}/{here};")
    nginx = nginx.replace("443 ssl", f"127.0.0.1:{port}").replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
    temporary = "".join(f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(f"daemon off;\nmaster_process off;\npid {tmp_path}/pid;\nerror_log {tmp_path}/log;\nevents {{}}\n"
                                         f"http {{\naccess_log off;\n{temporary}{nginx}\n}}\n")
    process = subprocess.Popen(["nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path], env={"PATH": os.environ["PATH"] + ":/usr/sbin"})
    try:
        through(server, port)
    finally:
        process.terminate()
        process.wait()


def through(server, port):
    direct, server.port = server.port, port
    deadline = time.monotonic() + 20
    while True:
        try:
            server.ask("OPTIONS", "/files/")
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert can(server, "/files/", JANE, "dav.example.org") == ALL and can(server, "/files/", MARY, "dav.example.org") == READ
    assert server.ask("PUT", "/files/large", [*JANE, ("Host", "dav.example.org")], bytes(3 << 20)).status == 201  # nginx: 1 MiB
    server.port = direct


def configtest(text):
    server = harness.Server(pasted(text), modules=MODULES)
    server.port = harness.free_port()
    server.write_conf()
    done = subprocess.run([harness.HTTPD, "-t", "-d", server.root, "-f", server.root / "httpd.conf"], capture_output=True, text=True,
                          timeout=60, env={"PATH": os.environ["PATH"], "LD_PRELOAD": harness.PRELOAD})
    server.remove()
    return done.returncode, done.stderr


@pytest.mark.skipif(not os.path.exists(f"{harness.MODULES_DIR}/mod_authnz_ldap.so"), reason="no mod_authnz_ldap here")
@pytest.mark.parametrize("heading", ["LDAP", "OpenID Connect"])
def test_it_is_read(heading):
    assert configtest(blocks(heading)[0]) == (0, "Syntax OK\n")


def test_fail2ban_s_filter_finds_each_attempt_once(site):
    """By the lines that its filter apache-auth knows."""
    server = site(blocks("Who may do what")[0])
    (server.root / "srv/files/many").mkdir()
    for i in range(20):
        (server.root / f"srv/files/many/.{i}").mkdir()
    give(server.root / "srv")
    known = re.compile(r"\[client 127\.0\.0\.1:\d+\] AH0161[78]: user \S+ ?(not found|: authentication failure for \".*\": Password Mismatch)")
    for method, headers in (("PUT", []), ("COPY", [("Destination", "/files/copy")]), ("MOVE", [("Destination", "/files/moved")]),
                            ("DELETE", []), ("LOCK", [XML])):
        for who in user("jane", "wrong"), user("nobody"):
            before = sum(bool(known.search(line)) for line in server.new_log())
            assert server.ask(method, "/files/many/", who + headers, lock_body() if method == "LOCK" else None).status == 401
            assert sum(bool(known.search(line)) for line in server.new_log()) == before + 1, server.new_log()


@pytest.mark.skipif(not IS_ROOT, reason="mounts")
def test_a_home_that_is_mounted_read_only(site):
    """As systemd's ProtectHome=read-only has it."""
    server = site(*blocks("Homes, each with its URL"))
    home = server.root / "srv/homes"
    done = subprocess.run(f"mount --bind {home} {home} && mount -o remount,bind,ro {home}", shell=True, capture_output=True)
    if done.returncode:
        pytest.skip("no mounts here")
    try:
        assert server.ask("PUT", "/homes/jane/x", JANE, b"x").status == 403
        assert server.get("/homes/jane/h.txt", *JANE).status == 200
        server.wait_log(f"Read-only file system.*{home}/jane/x")
    finally:
        wait_until(lambda: subprocess.run(["umount", home]).returncode == 0, 20)


def test_what_clients_want(site):
    """The examples of docs/clients.md."""
    examples = re.findall(r"^```apache\n(.*?)^```", (harness.REPO / "docs/clients.md").read_text(), re.M | re.S)
    server = site(blocks("Who may do what")[0], *examples)
    for origin in ("app://obsidian.md", "capacitor://localhost", "http://localhost"):
        preflight = [("Origin", origin), ("Access-Control-Request-Method", "PROPFIND")]
        assert server.ask("OPTIONS", "/files/a.txt", preflight).get("Access-Control-Allow-Origin") == origin
    explorer = [("User-Agent", "Microsoft-WebDAV-MiniRedir/10.0")]
    assert server.try_propfind("/files/", "1", headers=explorer).body.count(b"<D:supportedlock>") == 1


def test_every_recipe_is_tried():
    tested = set(re.findall(r'blocks\("(.*?)"', open(__file__).read())) | {"LDAP", "OpenID Connect", "fail2ban", "/home, and systemd"}
    assert set(SECTIONS) <= tested | {"Homes, one URL for all", "Homes, each with its URL"}
