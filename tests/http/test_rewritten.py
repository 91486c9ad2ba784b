"""A directory's RewriteRule, which holds for every method as it does for GET."""

import pytest

import harness
from writing import give

CONF = """Alias "/files" "{root}/files"
<Directory "{root}/files">
    Require all granted
    AllowOverride FileInfo
    Options FollowSymLinks
</Directory>
<Location "/files">
    DavMultistatus On
</Location>
"""
RULES = """RewriteEngine On
RewriteRule ^old/(.*)$ new/$1
RewriteRule ^loop$ /files/loop
RewriteRule ^pretty$ plain.txt
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule ^missing index.php
"""


@pytest.fixture(scope="module")
def site():
    server = harness.Server(CONF, modules=["rewrite"])
    (server.root / "files/new").mkdir(parents=True)
    server.files = {"new/x": "x", "plain.txt": "plain", "index.php": "<?php", ".htaccess": RULES}
    for name, text in server.files.items():
        (server.root / "files" / name).write_text(text)
    give(server.root / "files")
    yield server.start()
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


def told_of(site, target):
    """The href is that of the URL that a request has been led to."""
    return site.try_propfind(target).multistatus(None).responses[0].path


def test_it_is_followed(site):
    assert site.get("/files/old/x").body == b"x"
    assert told_of(site, "/files/old/x") == b"/files/new/x"
    assert site.ask("PUT", "/files/old/y", body=b"y").status == 201
    assert (site.root / "files/new/y").read_text() == "y"
    assert site.ask("COPY", "/files/new/y", [("Destination", "/files/old/z")]).status == 201
    assert site.ask("PUT", "/files/new/x", [("If", "</files/old/z> ([\"none\"])")], b"").status == 412
    assert site.ask("MOVE", "/files/old/z", [("Destination", "/files/here")]).status == 201
    assert site.ask("DELETE", "/files/old/y").status == 204
    assert sorted(p.name for p in (site.root / "files/new").iterdir()) == ["x"]
    assert (site.root / "files/here").read_text() == "y"


def test_to_another_name_it_is_followed_to_read(site):
    for name, leads_to in (("pretty", "plain.txt"), ("missing", "index.php")):
        assert site.get("/files/" + name).body.decode() == site.files[leads_to]
        assert told_of(site, "/files/" + name) == b"/files/" + leads_to.encode()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MOVE", "COPY", "MKCOL", "PROPPATCH", "LOCK", "UNLOCK"])
@pytest.mark.parametrize("name", ["pretty", "missing"])
def test_nothing_is_changed_by_another_name(site, method, name):
    """A front controller would be what every upload overwrites."""
    body = b"lost" if method == "PUT" else None
    assert site.ask(method, "/files/" + name, [("Destination", "/files/c"), ("Overwrite", "T")], body).status == 403
    assert site.ask("COPY", "/files/new/x", [("Destination", "/files/" + name)]).status == 403
    assert {n: (site.root / "files" / n).read_text() for n in site.files} == site.files


def test_a_circle_ends(site):
    site.expect_log("AH00124")   # of httpd itself
    assert site.ask("PROPFIND", "/files/loop", [("Depth", "0")]).status == 500
    assert site.ask("COPY", "/files/new/x", [("Destination", "/files/loop")]).status == 403
