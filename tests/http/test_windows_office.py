"""What Windows (MiniRedir, Explorer), Office and other clients send when they write, and what they need back
(../shared/CLIENTS.md). See also test_lock.py for the Timeout lists and test_unlock.py for the missing `<>`."""

import pytest

import harness
from harness import names, prop_body
from locking import Active, actives, answered, rows, tokens_on
from replay import Client, token_of
from writing import give, parse

MS = "urn:schemas-microsoft-com:"
MINIREDIR = [("User-Agent", "Microsoft-WebDAV-MiniRedir/10.0.19045"), ("translate", "f"), ("Connection", "Keep-Alive")]
OFFICE = [("User-Agent", "Microsoft Office Word 2014"), ("X-Office-Major-Version", "16")]

WINDOWS_LOCK = ('<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
                "<D:locktype><D:write/></D:locktype><D:owner><D:href>PC\\user</D:href></D:owner></D:lockinfo>")
OFFICE_LOCK = ('<?xml version="1.0"?><a:lockinfo xmlns:a="DAV:"><a:lockscope><a:exclusive/></a:lockscope><a:locktype>'
               "<a:write/></a:locktype><a:owner><a:href>Anna Smith</a:href></a:owner></a:lockinfo>\r\n")
WINDOWS_TIMES = ('<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:">'
                 "<D:set><D:prop>"
                 "<Z:Win32CreationTime>Wed, 18 Mar 2020 10:00:00 GMT</Z:Win32CreationTime>"
                 "<Z:Win32LastAccessTime>Thu, 19 Mar 2020 10:00:00 GMT</Z:Win32LastAccessTime>"
                 "<Z:Win32LastModifiedTime>Wed, 18 Mar 2020 11:22:33 GMT</Z:Win32LastModifiedTime>"
                 "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>")


def test_windows_mounts(dav, client):
    ask = client(MINIREDIR)
    dav.server.expect_log("AH01630: client denied by server configuration")
    for url in ("/", "/dav/"):  # / is not ours here: it must only not fail badly
        answer = ask("OPTIONS", url, base="")
        assert answer.status < 500
    assert answer.status == 200
    assert answer.get("MS-Author-Via") == "DAV" and "2" in answer.tokens("DAV")
    assert {"PROPFIND", "LOCK", "UNLOCK"} <= answer.tokens("Allow") | answer.tokens("Public")
    answer = ask("PROPFIND", "", ("Depth", "0"), ("Content-Length", "0"))
    result = answer.multistatus(dav.url)
    assert result[0].is_collection
    for name in ("desktop.ini", "Thumbs.db", "folder.jpg"):
        assert ask("PROPFIND", name, ("Depth", "0"), ("Content-Length", "0")).status == 404


def test_windows_maps_a_drive_to_the_root(httpd):
    """`net use W: http://host/`: OPTIONS of the server and of /, by the service and then by the file system, and PROPFIND."""
    place = httpd(conf='DocumentRoot "{data}"\n<Location "/">\nDavMultistatus On\n</Location>\n')
    give(place.path)
    with place.server.connect() as connection:
        ask = Client(place, connection, MINIREDIR)
        answer = ask("OPTIONS", "*", base="")
        assert (answer.status, answer.body) == (200, b"")
        for agent in ("DavClnt", "Microsoft-WebDAV-MiniRedir/10.0.22631"):
            answer = connection.ask("OPTIONS", "/", [("User-Agent", agent), ("translate", "f")])
            assert answer.status == 200 and answer.body == b""
            assert answer.get("MS-Author-Via") == "DAV" and {"1", "2"} <= answer.tokens("DAV")
        for depth in "0", "1":
            answer = ask("PROPFIND", "/", ("Depth", depth), ("Content-Length", "0"), base="")
            assert answer.multistatus("/")[0].is_collection
        assert ask("PUT", "/Neu.txt", ("Content-Length", "0"), base="").status == 201
        token = token_of(ask("LOCK", "/Neu.txt", ("Timeout", "Second-3600"), body=WINDOWS_LOCK, base=""))
        assert ask("PROPPATCH", "/Neu.txt", ("If", f"({token})"), body=WINDOWS_TIMES, base="").status == 207
        assert ask("HEAD", "/Neu.txt", base="").get("Content-Length") == "0"
        assert ask("PUT", "/Neu.txt", ("If", f"({token})"), body=b"content", base="").status == 204
        assert ask("UNLOCK", "/Neu.txt", ("Lock-Token", token), base="").status == 204
        (shown,) = ask("PROPFIND", "/Neu.txt", ("Depth", "0"), ("Content-Length", "0"), base="").multistatus("/Neu.txt")
        assert shown.text("getcontentlength") == "7" and shown.text("Win32FileAttributes", MS) == "00000020"
        assert shown.text("Win32LastModifiedTime", MS) in (None, shown.text("getlastmodified"))


@pytest.mark.parametrize("name", ["New%20Text%20Document.txt", "%C3%9Cbersicht%20(1).xlsx", "a%26b.txt"])
def test_windows_saves_a_new_file(dav, client, name):
    """PUT of nothing, LOCK, PUT, PROPPATCH of the times, UNLOCK."""
    ask = client(MINIREDIR)
    assert ask("PROPFIND", name, ("Depth", "0"), ("Content-Length", "0")).status == 404
    assert ask("PUT", name, ("Content-Length", "0")).status == 201
    answer = ask("LOCK", name, ("Timeout", "Second-3600"), ("Content-Type", "text/xml; charset=\"utf-8\""),
                 body=WINDOWS_LOCK)
    assert answer.status == 200
    token = token_of(answer)
    assert answered(answer)[0].owner.findtext("{DAV:}href") == "PC\\user"
    assert ask("PUT", name, ("If", f"({token})"), body=b"content").status == 204
    assert ask("HEAD", name).get("Content-Length") == "7"
    answer = ask("PROPPATCH", name, ("If", f"({token})"), ("Content-Type", "text/xml"), body=WINDOWS_TIMES)
    (response,) = answer.multistatus(dav.url + name)
    (propstat,) = response.propstats
    assert propstat.status == 200
    assert {names_of(t) for t in propstat.props} == {"Win32CreationTime", "Win32LastAccessTime", "Win32LastModifiedTime",
                                                     "Win32FileAttributes"}
    assert ask("UNLOCK", name, ("Lock-Token", token)).status == 204
    shown = dav.propfind(name)[0]
    assert shown.text("Win32FileAttributes", MS) == "00000020"
    assert shown.text("getlastmodified") == "Wed, 18 Mar 2020 11:22:33 GMT"
    assert rows(dav.server, dav.url) == 0


def names_of(tag):
    assert tag.startswith("{" + MS + "}"), tag
    return tag.rpartition("}")[2]


def test_windows_makes_renames_and_deletes_a_folder(dav, client):
    ask = client(MINIREDIR)
    to = f"http://127.0.0.1:{dav.server.port}{dav.url}"
    assert ask("MKCOL", "New%20folder", ("Content-Length", "0")).status == 201
    assert ask("PROPPATCH", "New%20folder", ("Content-Type", "text/xml"), body=WINDOWS_TIMES).status == 207
    assert ask("MOVE", "New%20folder", ("Destination", to + "Photos"), ("Overwrite", "F")).status == 201
    assert ask("PROPFIND", "Photos", ("Depth", "1"), ("Content-Length", "0")).multistatus(dav.url + "Photos")
    assert ask("DELETE", "Photos", ("Content-Length", "0")).status == 204
    assert dav.tree() == {}


def test_windows_overwrites_and_keeps_the_lock_alive(dav, client):
    ask = client(MINIREDIR)
    dav.file("a.txt")
    token = token_of(ask("LOCK", "a.txt", ("Timeout", "Second-3600"), body=WINDOWS_LOCK))
    for _ in range(3):
        answer = ask("LOCK", "a.txt", ("Timeout", "Second-3600"), ("If", f"({token})"), ("Content-Length", "0"))
        assert answer.status == 200
        (active,) = answered(answer)
        assert f"<{active.token}>" == token and active.seconds > 3590
    assert ask("PUT", "a.txt", ("If", f"({token})"), body=b"2").status == 204
    # A second instance sees 423, and says who has it.
    assert ask("PUT", "a.txt", body=b"3").status == 423
    answer = ask("LOCK", "a.txt", ("Timeout", "Second-3600"), body=WINDOWS_LOCK)
    assert answer.status == 423
    shown = ask("PROPFIND", "a.txt", ("Depth", "0"), body=prop_body("lockdiscovery")).multistatus(dav.url + "a.txt")
    (active,) = actives(shown[0].prop("lockdiscovery"))
    assert active.owner.findtext("{DAV:}href") == "PC\\user"
    assert ask("UNLOCK", "a.txt", ("Lock-Token", token)).status == 204


def test_windows_puts_into_a_deep_lock_without_a_tag(dav, client):
    """Where a collection is locked deep, Windows names its token alone."""
    ask = client(MINIREDIR)
    dav.file("d/a.txt")
    token = token_of(ask("LOCK", "d/", ("Timeout", "Second-3600"), body=WINDOWS_LOCK))
    assert ask("PUT", "d/a.txt", ("If", f"({token})"), body=b"2").status == 204
    assert ask("UNLOCK", "d/", ("Lock-Token", token)).status == 204


@pytest.mark.parametrize("name", ["Report.docx", "~%24Report.docx", "~WRL0001.tmp"])
def test_office_makes_a_name_by_locking_it(dav, client, name):
    ask = client(OFFICE)
    answer = ask("LOCK", name, ("Timeout", "Infinite, Second-4100000000"), ("Content-Type", "text/xml"), body=OFFICE_LOCK)
    assert answer.status == 201
    token = token_of(answer)
    (active,) = answered(answer)
    assert (active.scope, active.depth) == ("exclusive", "infinity") and active.seconds in (86399, 86400)
    assert ask("HEAD", name).status == 200
    assert ask("PUT", name, ("If", f"({token})"), body=b"PK\3\4").status == 204
    assert ask("PROPPATCH", name, ("If", f"({token})"), body=WINDOWS_TIMES).status == 207
    assert ask("UNLOCK", name, ("Lock-Token", token)).status == 204
    assert dav.get(name).body == b"PK\3\4"


def test_office_opens_and_saves_by_its_detour(dav, client):
    """LOCK the document, write a temporary, put it in the document's place, delete what was, UNLOCK."""
    ask = client(OFFICE)
    to = f"http://127.0.0.1:{dav.server.port}{dav.url}"
    dav.file("Report.docx", b"old")
    token = token_of(ask("LOCK", "Report.docx", ("Timeout", "Second-3600"), ("Depth", "0"), body=OFFICE_LOCK))
    own = token_of(ask("LOCK", "~%24eport.docx", ("Timeout", "Second-3600"), body=OFFICE_LOCK))
    assert ask("PUT", "~%24eport.docx", ("If", f"({own})"), body=b"Anna").status == 204
    temporary = token_of(ask("LOCK", "~WRD0000.tmp", ("Timeout", "Second-180"), body=OFFICE_LOCK))
    assert ask("PUT", "~WRD0000.tmp", ("If", f"({temporary})"), body=b"new").status == 204
    assert ask("UNLOCK", "~WRD0000.tmp", ("Lock-Token", temporary)).status == 204
    answer = ask("MOVE", "Report.docx", ("Destination", to + "~WRL0001.tmp"), ("Overwrite", "T"), ("If", f"({token})"))
    assert answer.status == 201
    assert ask("MOVE", "~WRD0000.tmp", ("Destination", to + "Report.docx"), ("Overwrite", "F")).status == 201
    assert tokens_on(dav, "Report.docx") == set() == tokens_on(dav, "~WRL0001.tmp")
    assert ask("DELETE", "~WRL0001.tmp").status == 204
    assert ask("DELETE", "~%24eport.docx", ("If", f"({own})")).status == 204
    assert dav.tree() == {"Report.docx": b"new"}
    assert rows(dav.server, dav.url) == 0


def test_office_s_shared_lock_is_refused_beside_an_exclusive_one(dav, client):
    ask = client(OFFICE)
    dav.file("Report.docx")
    token = token_of(ask("LOCK", "Report.docx", body=OFFICE_LOCK))
    answer = ask("LOCK", "Report.docx", body=OFFICE_LOCK.replace("exclusive", "shared"))
    assert answer.status == 423
    assert answer.precondition() == ["no-conflicting-lock"]
    assert ask("UNLOCK", "Report.docx", ("Lock-Token", token)).status == 204


def test_davfs2_writes_a_new_file(dav, client):
    """LOCK makes it; the PUT has a tagged If and If-Match or If-None-Match beside it."""
    ask = client([("User-Agent", "davfs2/1.6.1 neon/0.32.2"), ("TE", "trailers")])
    url = f"http://127.0.0.1:{dav.server.port}{dav.url}"
    body = ('<?xml version="1.0" encoding="utf-8"?>\n<lockinfo xmlns=\'DAV:\'>\n <lockscope><exclusive/></lockscope>\n'
            "<locktype><write/></locktype><owner>root</owner>\n</lockinfo>\n")
    answer = ask("LOCK", "a.txt", ("Depth", "0"), ("Timeout", "Second-1800"), body=body)
    assert answer.status == 201
    token = token_of(answer)
    assert ask("PUT", "a.txt", ("If", f"<{url}a.txt> ({token})"), body=b"1").status == 204
    etag = ask("HEAD", "a.txt").get("ETag")
    assert ask("PUT", "a.txt", ("If", f"<{url}a.txt> ({token})"), ("If-Match", etag), body=b"2").status == 204
    assert ask("PUT", "a.txt", ("If", f"<{url}a.txt> ({token})"), ("If-Match", etag), body=b"3").status == 412
    assert ask("PUT", "a.txt", ("If", f"<{url}a.txt> ({token})"), ("If-None-Match", "*"), body=b"3").status == 412
    assert ask("LOCK", "a.txt", ("Timeout", "Second-1800"), ("If", f"<{url}a.txt> ({token})")).status == 200
    assert ask("UNLOCK", "a.txt", ("Lock-Token", token)).status == 204
    assert dav.get("a.txt").body == b"2"


def test_npm_webdav_unlocks_without_brackets(dav, client):
    ask = client([("User-Agent", "node")])
    dav.file("a.txt")
    answer = ask("LOCK", "a.txt", ("Accept", "text/plain,application/xml"), ("Timeout", "Infinite, Second-4100000000"),
                 body='<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/>'
                      "</D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>me</D:href></D:owner></D:lockinfo>")
    assert answer.status == 200
    token = answered(answer)[0].token
    assert ask("UNLOCK", "a.txt", ("Lock-Token", token)).status == 204


def test_cadaver_locks_without_owner_and_timeout(dav, client):
    ask = client([("User-Agent", "cadaver/0.24 neon/0.32.5")])
    dav.file("a.txt")
    answer = ask("LOCK", "a.txt", ("Depth", "0"),
                 body='<?xml version="1.0" encoding="utf-8"?>\n<lockinfo xmlns=\'DAV:\'>\n <lockscope><exclusive/></lockscope>\n'
                      "<locktype><write/></locktype></lockinfo>\n")
    (active,) = answered(answer)
    assert active.owner is None and 595 <= active.seconds <= 600


def test_the_d_prefix_in_what_lock_says(dav, client):
    """Windows and others look for names as they were written first: DAV: is `D:` in bodies of LOCK and of errors too."""
    ask = client(MINIREDIR)
    dav.file("a.txt")
    answer = ask("LOCK", "a.txt", body=WINDOWS_LOCK)
    assert b"<D:prop " in answer.body and b"<D:activelock>" in answer.body and b"<D:locktoken><D:href>" in answer.body
    root = parse(answer.body)
    assert names(root) == ["lockdiscovery"] and isinstance(Active(root[0][0]), Active)
    harness.check_prefixes(root)
    assert b"<D:lock-token-submitted>" in ask("PUT", "a.txt", body=b"x").body
