"""README's examples, and the manual's, pasted into Debian's stock configuration: they start, do what is said, and serve nobody what they should not."""

import base64
import hashlib
import re
import subprocess
import tarfile

import pytest

import handlers
import harness
import manual
import modules
from locking import lock_body
from writing import give

README = (harness.REPO / "README.md").read_text()
# What both have counts once.
EXAMPLES = list(dict.fromkeys(re.findall(r"^```apache\n(.*?)^```", README, re.M | re.S) + manual.EXAMPLES))


def user(name):
    return [("Authorization", "Basic " + base64.b64encode(f"{name}:secret".encode()).decode())]


SOMEBODY = user("me")


def example(beginning):
    found = [text for text in EXAMPLES if text.startswith(beginning)]
    assert len(found) == 1
    return found[0]


def pasted(text):
    """An example as it stands, but for where things are on this machine."""
    return text.replace("/srv/", "{root}/srv/").replace("/etc/apache2/", "{root}/")


@pytest.fixture
def site():
    """site(example, ...) is a server with these, some users, and files that are nobody's business."""
    def start(*examples, before=""):
        server = harness.Server(handlers.CONF + before + "\n".join(pasted(e) for e in examples), modules=[*handlers.MODULES, "proxy", "proxy_http"])
        server.folder = server.root / "srv/files"
        (server.folder / "private").mkdir(parents=True)
        for name, text in {"a.txt": "a", ".htpasswd": "me:x", "private/.htpasswd": "me:x", "private/b.txt": "b",
                           "private/.htaccess": "Require all denied\n"}.items():
            (server.folder / name).write_text(text)
        with tarfile.open(server.root / "srv/release.tar", "w") as tar:
            tar.add(server.folder, "files")
        give(server.root / "srv")
        password = "{SHA}" + base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
        (server.root / "dav-users").write_text("".join(f"{name}:{password}\n" for name in ("me", "jane", "john")))
        server.expect_log("authz_core:error.*client denied by server configuration")
        started.append(server)
        return server.start()

    started = []
    yield start
    wrong = [line for server in started for line in server.stop()]
    for server in started:
        server.remove()
    assert not wrong, "\n".join(wrong)


INSTALLED = example("Alias")
OVERRIDES = '<Directory "/srv/files">\n    AllowOverride AuthConfig\n</Directory>\n'


def test_installed(site):
    server = site(INSTALLED, OVERRIDES)
    assert server.get("/files/a.txt").body == b"a"
    assert set(server.propfind("/files/", "1").names()) >= {"a.txt"}
    assert server.ask("PUT", "/files/new.php", body=b"x").status == 401
    assert server.ask("DELETE", "/files/a.txt").status == 401
    assert server.ask("PUT", "/files/new.php", SOMEBODY, b"#!/bin/sh\necho\n").status == 201
    assert server.get("/files/new.php").body == b"#!/bin/sh\necho\n"  # not run
    assert b'href="a.txt"' in server.get("/files/").body  # as the configuration has it
    for hidden in ("/files/.htpasswd", "/files/private/.htpasswd"):
        for method in ("GET", "PROPFIND", "PUT", "DELETE"):
            assert server.ask(method, hidden, SOMEBODY, b"x" if method == "PUT" else None).status == 403
    assert not any(".ht" in name for name in server.propfind("/files/", "1", None, SOMEBODY).names())
    assert server.get("/files/private/b.txt", *SOMEBODY).status == 403  # by its .htaccess
    assert server.ask("COPY", "/files/.htpasswd", [*SOMEBODY, ("Destination", "/files/copied")]).status == 403


def test_nothing_is_run(site):
    server = site(INSTALLED)
    server.expect_log("AH01374")  # mod_include, of what it leaves alone
    assert not handlers.run(server, "/files/", server.folder, SOMEBODY)
    for kind in handlers.RUN:
        assert server.ask("POST", f"/files/x.{kind}", SOMEBODY, b"x").status == 405


def test_all_would_be(site):
    """Without these lines, which shows that the test above tests something."""
    server = site(INSTALLED.replace("SetHandler default-handler", "").replace("Options -Includes", ""))
    server.expect_log(":error")
    assert handlers.run(server, "/files/", server.folder, SOMEBODY) == set(handlers.RUN)


def test_jane_removes_locks(site):
    """Beside what was installed: it still serves whom it did."""
    server = site(INSTALLED, example('<Directory "/srv/files">\n    DavMultistatusUnlockAny'))
    server.expect_log("dav_multistatus:notice.*'jane' has broken the lock")
    assert server.get("/files/a.txt").body == b"a"
    token = ("Lock-Token", server.ask("LOCK", "/files/a.txt", SOMEBODY, lock_body()).get("Lock-Token"))
    assert server.ask("UNLOCK", "/files/a.txt", [*user("john"), token]).status == 403
    assert server.ask("UNLOCK", "/files/a.txt", [*user("jane"), token]).status == 204


def test_the_tar_file(site):
    tar = modules.load_line(modules.EXAMPLES / "mod_dav_tar.c", "dav_tar")
    server = site(example('<Location "/release">'), before=tar)
    assert server.get("/release/files/a.txt").body == b"a"
    assert server.get("/release/files/.htpasswd").status == 403
    assert not any(".ht" in name for name in server.propfind("/release/files/", "1").names())


@pytest.mark.parametrize("text", [e for e in EXAMPLES if e != INSTALLED and "LoadModule" not in e and "DavTarFile" not in e],
                         ids=lambda text: text.split("\n")[1].strip())
def test_the_others_start(site, text):
    site(INSTALLED, text)


def test_pages_that_are_uploaded_run_nothing(site):
    server = site(INSTALLED, next(e for e in EXAMPLES if "sandbox" in e))
    assert server.get("/files/a.txt").get("Content-Security-Policy") == "sandbox"


def test_what_curl_asks_for(site, tmp_path):
    """The manual's examples of requests, one after the other."""
    server = site(INSTALLED)
    (tmp_path / "report.txt").write_text("a report\n")
    said = ""
    for text in manual.SHELL:
        if text.startswith("curl ") and "..." not in text:
            commands = text.replace("curl -u jane ", "curl -sSf -u jane:secret ").replace("http://localhost/", f"http://127.0.0.1:{server.port}/")
            done = subprocess.run(["bash", "-ec", commands], cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, (text, done.stderr)
            said += done.stdout
    assert (server.folder / "parts.txt").read_text() == "hello, world"
    assert (server.folder / "report.txt").read_text() == "a report\n"
    assert "\nRepr-Digest: sha-256=:" in said and "a.txt</D:href>" in said and "/files/</D:href>" not in said
    (made,) = server.propfind("/files/reports/", "0", harness.prop_body("displayname"))
    assert made.text("displayname") == "Reports"
