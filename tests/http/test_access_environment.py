"""Variables that a request's URL or method has set are not those of what it asks for: each rule that sets one, for which a
rule by `env` denies a Destination or a member."""

import pytest

import harness
import writing

# Folder: how /dav/from/... comes to have a variable, and what lets nobody else in.
RULES = {
    "uri": ('SetEnvIf Request_URI "^/dav/from/" in-uri\n', "Require env in-uri"),
    "chain": ('SetEnvIf Request_URI "^/dav/from/" one\nSetEnvIf one 1 in-chain\n', "Require env in-chain"),
    "method": ('SetEnvIf Request_Method "COPY" in-method\n', "Require env in-method"),
    "expr": ("SetEnvIfExpr \"%{REQUEST_URI} =~ m#^/dav/from/#\" in-expr\n", "Require env in-expr"),
    "section": ('<Location "/dav/from/">\nSetEnvIf Request_URI . in-section\n</Location>\n', "Require env in-section"),
    "rewrite": ('RewriteEngine On\nRewriteRule "^/dav/from/" "-" [E=in-rewrite:1]\n', "Require env in-rewrite"),
    "rewrite-env": ('RewriteRule "^/dav/from/" "-" [NE,env=in-rewrite-env:1]\n', "Require env in-rewrite-env"),
    "compat": ('SetEnvIf Request_URI "^/dav/from/" in-compat\n', "Order deny,allow\nDeny from all\nAllow from ENV=in-compat"),
}


@pytest.fixture(scope="module")
def dav():
    sections = "".join(f'{rule}<Directory "{{data}}/{name}">\n{denial}\n</Directory>\n' for name, (rule, denial) in RULES.items())
    server = harness.Server(conf=sections + '<Directory "{data}/htaccess">\nAllowOverride All\n</Directory>\n', modules=["rewrite"])
    for name in ("from", "htaccess", *RULES):
        (server.data / name).mkdir()
        (server.data / name / "open.txt").write_text(name)
    (server.data / "htaccess/.htaccess").write_text('SetEnvIf Request_URI "/open" in-htaccess\nRequire env in-htaccess\n')
    writing.give(server.data)
    server.start()
    yield server
    server.expect_log("AH01630|AH01797")
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", RULES)
def test_a_destination_has_its_own(dav, name):
    assert dav.ask("PUT", f"/dav/{name}/new", body=b"x").status == 403
    assert dav.ask("COPY", "/dav/from/open.txt", [("Destination", f"/dav/{name}/new")]).status == 403
    assert not (dav.data / name / "new").exists()


def test_so_has_one_by_an_htaccess(dav):
    assert dav.ask("GET", "/dav/htaccess/open.txt").status == 200
    assert dav.ask("PUT", "/dav/htaccess/new", body=b"x").status == 403
    assert dav.ask("COPY", "/dav/htaccess/open.txt", [("Destination", "/dav/htaccess/new")]).status == 403
    assert dav.ask("COPY", "/dav/from/open.txt", [("Destination", "/dav/htaccess/open-too")]).status == 201


# -- members: with nothing in the configuration that would have each of them asked for

CONF = """SetEnvIf Request_URI "secret" is-secret
<Directory "{data}/compat">
    Order allow,deny
    Allow from all
    Deny from ENV=is-secret
</Directory>
<Directory "{data}/htaccess">
    AllowOverride All
</Directory>
"""


@pytest.fixture(scope="module")
def folders():
    server = harness.Server(conf=CONF)
    for name in ("compat", "htaccess"):
        (server.data / name).mkdir()
        for member in ("open.txt", "secret.txt"):
            (server.data / name / member).write_text(name)
    (server.data / "htaccess/.htaccess").write_text(
        "SetEnvIf Request_URI secret its-own\nOrder allow,deny\nAllow from all\nDeny from env=its-own\n")
    writing.give(server.data)
    server.start()
    yield server
    server.expect_log("AH01797")
    wrong = server.stop()
    server.remove()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["compat", "htaccess"])
def test_a_member_has_its_own(folders, name):
    assert folders.ask("GET", f"/dav/{name}/secret.txt").status == 403
    assert b"secret" not in folders.ask("PROPFIND", f"/dav/{name}/", [("Depth", "1")]).body
    assert folders.ask("COPY", f"/dav/{name}/", [("Destination", f"/dav/{name}-copy/")]).status == 207
    assert not (folders.data / f"{name}-copy/secret.txt").exists()
    assert folders.ask("DELETE", f"/dav/{name}/").status == 207
    assert (folders.data / name / "secret.txt").exists()
