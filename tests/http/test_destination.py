"""The Destination header (RFC 4918, section 10.3): where a COPY or a MOVE may go, and how that is written."""

import os

import pytest

import harness
from writing import give

BOTH = pytest.mark.parametrize("method", ["COPY", "MOVE"])


@pytest.fixture
def file(dav):
    dav.file("a.txt", b"a")
    dav.folder("sub")
    return dav


def to(dav, method, destination, *headers):
    return dav.ask(method, "a.txt", [("Destination", destination), *headers]).status


@BOTH
@pytest.mark.parametrize("form", ["http://127.0.0.1:{port}{url}b.txt", "{url}b.txt", "HTTP://127.0.0.1:{port}{url}b.txt",
                                  "http://127.0.0.1:{port}{url}%62.txt", "http://127.0.0.1:{port}{url}./b.txt",
                                  "{url}sub/../b.txt", "//127.0.0.1:{port}{url}b.txt",
                                  # by whatever port: it may be a proxy's
                                  "http://127.0.0.1{url}b.txt", "https://127.0.0.1:1{url}b.txt"])
def test_forms_that_are_this_server(file, method, form):
    status = to(file, method, form.format(port=file.server.port, url=file.url))
    assert status == 201
    assert file.disk("b.txt").read_bytes() == b"a"


@BOTH
@pytest.mark.parametrize("form", ["http://example.com{url}b.txt", "https://127.0.0.2:{port}{url}b.txt",
                                  "http://127.0.0.1.example.com:{port}{url}b.txt", "http://127.0.0{url}b.txt"])
def test_another_server_is_502(file, method, form):
    assert to(file, method, form.format(port=file.server.port, url=file.url)) == 502
    assert file.tree() == {"a.txt": b"a", "sub": None}


@BOTH
def test_what_is_no_repository_is_502(file, method):
    for path in (file.url.replace("/dav/", "/plain/") + "b.txt", "/elsewhere", "/"):
        assert to(file, method, path) in (502, 403 if path != file.url else 502), path
    assert file.tree() == {"a.txt": b"a", "sub": None}
    assert not os.path.exists(file.disk("b.txt"))


def test_what_is_plain_is_502(file):
    assert to(file, "COPY", file.url.replace("/dav/", "/plain/") + "b.txt") == 502


VHOSTS = """
<VirtualHost *:{port}>
ServerName b.example.org
Alias "/dav" "{data}/b"
</VirtualHost>
<VirtualHost *:{port}>
ServerName c.example.net
ServerAlias *.c.example.org
Alias "/dav" "{data}/b"
</VirtualHost>
<VirtualHost *:{port}>
ServerName a.example.net
ServerAlias *.example.org also.example.com
Alias "/dav" "{data}/a"
</VirtualHost>
<Location "/dav/">
DavMultistatus On
</Location>
"""


@BOTH
def test_another_virtual_host_is_another_server(httpd, method):
    """Also one whose name a wildcard of this one would match: its files are not those of the request."""
    server = httpd(conf=VHOSTS, dav=False).server
    for name in "ab":
        (server.data / name).mkdir()
        (server.data / name / "there.txt").write_text(name + " old")
    for host, status in (("b.example.org", 502), ("x.c.example.org", 502), ("c.example.net", 502), ("other.example.com", 502),
                         ("x.example.org", 204), ("also.example.com", 204), ("a.example.net", 204), ("A.EXAMPLE.NET", 204)):
        (server.data / "a" / "a.txt").write_text("a new")
        (server.data / "a" / "there.txt").write_text("a old")
        give(server.data)
        answer = server.ask(method, "/dav/a.txt", [("Host", "a.example.net"), ("Destination", f"https://{host}/dav/there.txt")])
        assert answer.status == status, host
        assert (server.data / "a" / "there.txt").read_text() == ("a new" if status == 204 else "a old")
        assert (server.data / "b" / "there.txt").read_text() == "b old"


@BOTH
def test_none_is_400(file, method):
    assert file.ask(method, "a.txt").status == 400
    assert file.tree() == {"a.txt": b"a", "sub": None}


@BOTH
@pytest.mark.parametrize("destination", ["", "b.txt", "../b.txt", "{url}b.txt?query", "{url}b.txt#fragment", "ftp://127.0.0.1/b",
                                         "http://", "http:///b.txt", "http://127.0.0.1:{port}", "mailto:a@b", "*", "%",
                                         "{url}b%zz.txt", "{url}b%.txt", "http://user@127.0.0.1:{port}{url}b.txt",
                                         "http://[::1{url}b.txt", "http://127.0.0.1:x{url}b.txt"])
def test_nonsense_is_refused(file, method, destination):
    file.server.expect_log("AH10244")  # httpd's own, of a path that it can't unescape
    status = to(file, method, destination.format(port=file.server.port, url=file.url))
    assert status in (400, 403, 502) if "127" in destination or "//" in destination else status == 400, status
    assert file.tree() == {"a.txt": b"a", "sub": None}


@BOTH
@pytest.mark.parametrize("path", ["b%00.txt", "sub%2Fb.txt", "..%2f..%2fb.txt", "%2e%2e%2f%2e%2e%2fb.txt"])
def test_escapes_that_are_no_name(file, method, path):
    file.server.expect_log("AH0")
    assert 400 <= to(file, method, file.url + path) < 500
    assert file.tree() == {"a.txt": b"a", "sub": None}
    assert not (file.server.root / "b.txt").exists()


@BOTH
def test_dots_do_not_lead_outside(file, method):
    file.server.expect_log("AH0|AH10244")
    before = sorted(os.listdir(file.server.root))
    for path in ("/dav/../../b.txt", "/dav/../b.txt", file.url + "../../../b.txt", file.url + "%2e%2e/%2e%2e/%2e%2e/b.txt"):
        assert 400 <= to(file, method, path) <= 502, path
    assert file.tree() == {"a.txt": b"a", "sub": None}
    assert sorted(os.listdir(file.server.root)) == before and not os.path.exists("/b.txt")


@BOTH
def test_two_of_them_are_400(file, method):
    headers = [("Destination", file.url + "b.txt"), ("Destination", file.url + "c.txt")]
    status = file.ask(method, "a.txt", headers).status
    # httpd joins them with a comma, which a path may hold: then that is the name
    assert status in (400, 409, 404)
    assert file.tree() == {"a.txt": b"a", "sub": None}


@BOTH
@pytest.mark.parametrize("name", ["%FF", "a%20b", "100%25", "%01", "%C3%A9", "a%3Fb", "a%23b", "'", "a+b", "a;b", "a:b", "a@b"])
def test_odd_names(file, method, name):
    assert to(file, method, f"http://127.0.0.1:{file.server.port}{file.url}{name}") == 201
    assert file.disk(name).read_bytes() == b"a"


@BOTH
@pytest.mark.parametrize("raw, name", [(b"gr\xfcn \xff", "gr\u00fcn \u00ff"), ("gr\u00fcn \u65e5".encode(), "gr\u00fcn \u65e5"), (b"%C3%BC-\xfc", "\u00fc-\u00fc")])
def test_what_is_not_escaped_is_utf_8_or_else_latin_1(file, method, raw, name):
    """fetch() in a browser sends each character of a header as a byte of ISO 8859-1."""
    destination = f"http://127.0.0.1:{file.server.port}{file.url}".encode() + raw
    assert file.ask(method, "a.txt", [("Destination", destination)]).status == 201
    assert (file.path / name).read_bytes() == b"a"


# -- the names of this server


NAMES = """
ServerAlias other.example *.wild.example
UseCanonicalName Off
Listen 127.0.0.1:{port2}
<VirtualHost 127.0.0.1:{port} 127.0.0.1:{port2}>
ServerName first.example:{port}
ServerAlias other.example *.wild.example
</VirtualHost>
<VirtualHost 127.0.0.1:{port}>
ServerName second.example
Alias "/dav" "{data}"
<Location "/dav/">
DavMultistatus On
</Location>
</VirtualHost>
"""


@pytest.fixture
def hosts(dav_on):
    port2 = harness.free_port()
    conf = NAMES.replace("{port2}", str(port2)).split("\n", 2)[2]
    dav = dav_on(conf=conf)
    dav.port2 = port2
    dav.file("a.txt", b"a")
    return dav


@BOTH
@pytest.mark.parametrize("host, destination, status", [
    ("first.example:{port}", "http://first.example:{port}", 201),
    ("first.example:{port}", "http://FIRST.example:{port}", 201),
    ("first.example:{port}", "http://other.example:{port}", 201),
    ("other.example:{port}", "http://first.example:{port}", 201),
    ("first.example:{port}", "http://x.wild.example:{port}", 201),
    ("first.example:{port2}", "http://first.example:{port2}", 201),
    ("first.example:{port}", "http://second.example:{port}", 502),
    ("first.example:{port}", "http://unknown.example:{port}", 502),
    ("first.example:{port}", "http://example:{port}", 502),
    ("first.example:{port}", "http://first.example.org:{port}", 502),
    # behind a TLS terminator: clients speak of https and of its port, or of none
    ("first.example", "https://first.example", 201),
    ("first.example", "https://first.example:443", 201),
    ("first.example", "http://first.example:80", 201),
    ("first.example:8443", "https://first.example:8443", 201),
    ("unheard.example", "https://unheard.example", 201),
    ("first.example", "https://second.example", 502),
])
def test_names_aliases_and_ports(hosts, method, host, destination, status):
    def fill(text):
        return text.replace("{port}", str(hosts.server.port)).replace("{port2}", str(hosts.port2))
    headers = [("Host", fill(host)), ("Destination", fill(destination) + "/dav/b.txt")]
    assert hosts.ask(method, "a.txt", headers).status == status
    assert hosts.disk("b.txt").exists() == (status == 201)


# -- another repository of this server, and who may write there


def second(dav_on, inside="", **kw):
    conf = f'''Alias "/second" "{{root}}/second"
<Directory "{{root}}/second">
Require all granted
</Directory>
<Location "/second/">
DavMultistatus On
{inside}
</Location>'''
    dav = dav_on(conf=conf, **kw)
    path = dav.server.root / "second"
    path.mkdir()
    give(path)
    dav.file("sub/a.txt", b"a")
    dav.file("a.txt", b"a")
    return dav, path


@BOTH
def test_from_one_repository_to_another(dav_on, method):
    dav, path = second(dav_on)
    dav.set("sub/a.txt", color="red")
    assert to(dav, method, "/second/b.txt") == 201
    assert (path / "b.txt").read_bytes() == b"a"
    assert dav.transfer(method, "sub/", "/second/sub/").status == 201
    shown = dav.server.propfind("/second/sub/a.txt", body=harness.ALLPROP)[0]
    assert shown.text("color", "urn:example:dms") == "red"


@BOTH
@pytest.mark.parametrize("inside", ["Require all denied", "<LimitExcept GET PROPFIND>\nRequire all denied\n</LimitExcept>",
                                    "<Limit PUT>\nRequire all denied\n</Limit>", "DavMultistatus Off"])
def test_authorization_is_the_destinations_own(dav_on, method, inside):
    dav, path = second(dav_on, inside)
    dav.server.expect_log("AH01630|AH0")
    assert to(dav, method, "/second/b.txt") == (502 if "Off" in inside else 403)
    assert dav.transfer(method, "sub/", "/second/sub/").status == (502 if "Off" in inside else 403)
    assert os.listdir(path) == [] and dav.tree() == {"a.txt": b"a", "sub": None, "sub/a.txt": b"a"}


@BOTH
def test_a_destination_that_wants_a_password(dav_on, method):
    inside = 'AuthType Basic\nAuthName x\nAuthUserFile "{root}/users"\nRequire valid-user'
    dav, path = second(dav_on, inside)
    dav.server.expect_log("AH0")
    (dav.server.root / "users").write_text("user:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")  # "password"
    assert to(dav, method, "/second/b.txt") in (401, 403)
    assert os.listdir(path) == [] and dav.disk("a.txt").exists()
    assert to(dav, method, "/second/b.txt", ("Authorization", "Basic dXNlcjpwYXNzd29yZA==")) == 201


def test_a_denied_file_name(dav_on):
    dav = dav_on()
    dav.server.expect_log("AH01630")
    dav.file("a.txt", b"a")
    for method in ("COPY", "MOVE"):
        assert to(dav, method, dav.url + ".htaccess") == 403
    assert dav.put(".htaccess").status == 403
    assert dav.tree() == {"a.txt": b"a"}


@pytest.mark.parametrize("path, status, why", [(path, 400, b"in its path") for path in ("%zz", "%", "a%4", "../../../etc", "a/%2e%2e/../../../x")]
                         + [(path, 404, b"leads nowhere") for path in ("%00", "a%2fb")])
def test_a_malformed_path_is_told(dav, path, status, why):
    """Not a right that lacks."""
    dav.file("a.txt", b"a")
    dav.server.expect_log("invalid URI path|encoded slash|%2f")
    for method in "COPY", "MOVE":
        answer = dav.ask(method, "a.txt", [("Destination", dav.url + path)])
        assert answer.status == status and b"may not write" not in answer.body and why in answer.body, answer
