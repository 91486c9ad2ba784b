"""examples/mod_dav_tar.c: a provider of somebody else's, over what is no folder."""

import io
import os
import random
import re
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

import harness
import modules
from harness import ALLPROP, PROPNAME, RESOURCETYPE, Server, StartError, http_date, new_dir, prop_body
from place import Place

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
LONG = "long/" + "/".join("n" * 60 for _ in range(5)) + "/" + "x" * 150 + ".txt"
FILES = {"a.txt": b"alpha\n", "implied/deeper/b.html": b"<p>b</p>\n", "d/empty": b"", "d/sp ace %41.txt": b"odd\n",
         "d/\u00fcml\u00e4ut.txt": b"utf-8\n", "big.bin": random.Random(1).randbytes(300_000), "d/ab.sh": b"#!/bin/sh\n",
         "n" * 90 + "/" + "m" * 90 + ".txt": b"prefix\n"}


def entry(name, content=b"", kind=tarfile.REGTYPE, mtime=1_000_000_000, **kw):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mtime = len(content), kind, mtime
    for key, value in kw.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


def make(path, entries, kind="gnu"):
    with tarfile.open(path, "w", format=FORMATS[kind]) as tar:
        for info, content in entries:
            tar.addfile(info, content)
    return path


def entries_of(files):
    return [entry(name, content, mtime=1_000_000_000 + i) for i, (name, content) in enumerate(files.items())]


def conf(path, more=""):
    return (modules.load_line(modules.EXAMPLES / "mod_dav_tar.c", "dav_tar")
            + f'<Location "/tar/">\nDavMultistatus tar\nDavTarFile "{path}"\nRequire all granted\n{more}</Location>\n')


@pytest.fixture
def folder():
    path = new_dir("dms-tar-")
    yield path
    subprocess.run(["rm", "-rf", path], check=True)


@pytest.fixture
def tar(httpd, folder):
    """tar(entries) serves a tar file of them: returns the Place of its root."""
    def start(entries, kind="gnu", more="", **kw):
        path = make(folder / "x.tar", entries, kind)
        server = httpd(conf=conf(path, more), **kw).server
        return Place(server, folder, "/tar/")
    return start


@pytest.mark.parametrize("kind", FORMATS)
def test_all_is_listed_and_read(tar, kind):
    files = dict(FILES) if kind == "ustar" else {**FILES, LONG: b"long\n"}
    place = tar(entries_of(files) + [entry("folder", kind=tarfile.DIRTYPE, mtime=5_000_000)], kind)
    folders = {"folder/"} | {name.rsplit("/", i)[0] + "/" for name in files for i in range(1, name.count("/") + 1)}
    listing = place.list("infinity", ALLPROP)
    assert set(listing.below()) == set(files) | folders
    for i, (name, content) in enumerate(files.items()):
        answer = place.get(quote(name))
        assert (answer.status, answer.body) == (200, content)
        response = next(r for r in listing if r.path == b"/tar/" + name.encode())
        assert response.text("getcontentlength") == str(len(content))
        assert response.text("getetag") == answer.get("ETag")
        assert response.text("getlastmodified") == answer.get("Last-Modified") == http_date(1_000_000_000 + i)
        assert response.text("getcontenttype") == answer.get("Content-Type")
    etags = [r.text("getetag") for r in listing]
    assert len(set(etags)) == len(etags) and all(e.startswith('"') for e in etags)
    assert listing["folder/"].text("getlastmodified") == http_date(5_000_000)
    assert place.get("implied/deeper/b.html").get("Content-Type").startswith("text/html")


def test_depths_and_missing_slash(tar):
    place = tar(entries_of(FILES))
    assert place.list("1").names() == sorted(["a.txt", "implied/", "d/", "big.bin", "n" * 90 + "/"])
    assert len(place.list("0")) == 1
    assert place.propfind("implied", "1", RESOURCETYPE).hrefs == ["/tar/implied/", "/tar/implied/deeper/"]
    assert place.propfind("a.txt", "1", RESOURCETYPE).hrefs == ["/tar/a.txt"]
    assert {"getetag", "getlastmodified"} <= place.propfind("implied/", "0", PROPNAME)[0].locals()
    for missing in ("none", "a.txt/", "a.txt/x", "implied/none/"):
        assert place.try_propfind(missing, "0").status == 404, missing
        assert place.get(missing).status == 404, missing


def test_ranges_and_conditions(tar):
    place = tar(entries_of(FILES))
    content = FILES["big.bin"]
    answer = place.get("big.bin", ("Range", "bytes=1000-250000"))
    assert (answer.status, answer.body) == (206, content[1000:250001])
    assert place.get("big.bin", ("Range", "bytes=-5")).body == content[-5:]
    etag = place.head("big.bin").get("ETag")
    assert place.head("big.bin").get("Content-Length") == str(len(content))
    assert place.get("big.bin", ("If-None-Match", etag)).status == 304
    assert place.get("big.bin", ("If-Range", etag), ("Range", "bytes=0-0")).status == 206
    assert place.get("big.bin", ("If-Match", '"other"')).status == 412


@pytest.mark.parametrize("sendfile", ["On", "Off"])
def test_a_file_is_sent_as_httpd_is_told_to(tar, sendfile):
    place = tar(entries_of(FILES), more=f"EnableSendfile {sendfile}\n")
    pid = place.server.workers()[0]
    log = place.path / "trace"
    with subprocess.Popen(["strace", "-f", "-e", "trace=/^sendfile", "-o", log, "-p", str(pid)],
                          stderr=subprocess.PIPE) as strace:
        strace.stderr.readline()
        for name, content in FILES.items():
            assert place.get(quote(name)).body == content
        strace.terminate()
    assert bool(re.search(r"sendfile(64)?\(", log.read_text())) == (sendfile == "On")


def test_writes_are_refused_and_said_to_be(tar):
    place = tar(entries_of(FILES))
    update = ('<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>')
    for name in ("a.txt", "d/", "new"):
        allow = place.ask("OPTIONS", name).tokens("Allow")
        assert allow == {"new": set(), "d/": {"GET", "HEAD", "PROPFIND"}, "a.txt": {"GET", "HEAD", "PROPFIND"}}[name] | {"OPTIONS", "TRACE"}
        assert place.ask("OPTIONS", name).tokens("DAV") == {"1", "3"}
        for method, headers, body in [("PUT", [], b"x"), ("DELETE", [], None), ("MKCOL", [], None), ("PROPPATCH", [], update),
                                      ("MOVE", [("Destination", "/tar/y")], None), ("LOCK", [], None), ("UNLOCK", [], None),
                                      ("COPY", [("Destination", "/tar/y")], None)]:
            answer = place.ask(method, name, headers, body)
            assert answer.status == 405, (method, name, answer)
            assert answer.tokens("Allow") == allow, (method, name)
    assert place.get("d/").status == 200
    assert place.get("a.txt").body == b"alpha\n"


def test_the_last_entry_of_a_name_counts_and_others_are_left_out(tar):
    place = tar([entry("a", b"old"), entry("./a", b"new"), entry("link", kind=tarfile.SYMTYPE, linkname="/etc/passwd"),
                 entry("hard", kind=tarfile.LNKTYPE, linkname="a"), entry("fifo", kind=tarfile.FIFOTYPE),
                 entry("x/../b", b"b"), entry("./", kind=tarfile.DIRTYPE), entry(".DAV/secret", b"s"),
                 entry("d/.dav-multistatus-x", b"s"), entry("d/y", b"y")])
    assert place.list("infinity").below() == ["a", "b", "d/", "d/y"]
    assert place.get("a").body == b"new"
    assert place.get(".DAV/secret").status == place.get("d/.dav-multistatus-x").status == 404


def test_what_lies_below_the_document_root_does_not_count(tar, folder):
    (folder / "root/tar/d").mkdir(parents=True)
    (folder / "root/tar/.htaccess").write_text("Require all denied\n")
    (folder / "root/tar/d/other.txt").write_text("other")
    place = tar(entries_of(FILES), more="", directory="")
    conf_path = place.server.root / "httpd.conf"
    conf_path.write_text(conf_path.read_text() + f'DocumentRoot "{folder}/root"\n<Directory "{folder}/root">\n'
                         "AllowOverride All\nRequire all granted\n</Directory>\n")
    place.server.graceful_restart()
    assert place.get("a.txt").body == b"alpha\n"
    assert place.get("d/other.txt").status == 404
    assert "other.txt" not in place.propfind("d/", "1", RESOURCETYPE).names()


def test_sections_hold_for_members(httpd, folder):
    path = make(folder / "x.tar", entries_of(FILES))
    place = Place(httpd(conf=conf(path) + '<LocationMatch "^/tar/(d|a.txt)">\nRequire all denied\n</LocationMatch>\n'
                        '<Files "big.bin">\nForceType text/x-big\n</Files>\n').server, folder, "/tar/")
    place.server.expect_log("AH01630")
    listing = place.list("1", ALLPROP)
    assert listing.names() == sorted(["big.bin", "implied/", "n" * 90 + "/"])
    assert place.get("a.txt").status == place.get("d/empty").status == 403
    assert listing["big.bin"].text("getcontenttype") == place.head("big.bin").get("Content-Type") == "text/x-big"


def test_a_changed_tar_file_takes_a_graceful_restart(tar, folder):
    place = tar(entries_of(FILES))
    etag = place.head("a.txt").get("ETag")
    make(folder / "new.tar", [entry("a.txt", b"changed\n")])
    os.rename(folder / "new.tar", folder / "x.tar")
    place.server.expect_log("the file can't be opened")
    assert place.get("a.txt").status == 500
    place.server.graceful_restart()
    assert place.get("a.txt").body == b"changed\n"
    assert place.head("a.txt").get("ETag") != etag
    assert place.list("1").names() == ["a.txt"]


def test_many_at_once(tar):
    place = tar(entries_of(FILES), servers=1)

    def work(i):
        name, content = list(FILES.items())[i % len(FILES)]
        assert place.get(quote(name)).body == content
        return len(place.list("infinity"))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(200)))) == 1


@pytest.mark.no_sanitizer
def test_many_entries(tar):
    place = tar((entry(f"d{i % 10}/f{i:06}.txt", b"x") for i in range(30_000)), servers=1)
    for _ in range(20):
        place.list("1")
    before = place.server.rss_anon()
    answer = place.try_propfind("", "infinity", ALLPROP).multistatus("/tar/", keep=False)
    assert len(answer) == 30_011
    assert place.server.rss_anon() - before < 2048


# -- tar files that are refused


def checksum(header):
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return header


def header(name=b"a", size=b"%011o\0" % 0, kind=b"0", magic=b"ustar\x0000"):
    block = bytearray(512)
    for at, value in ((0, name), (100, b"0000644\0"), (124, size), (136, b"%011o\0" % 1), (156, kind), (257, magic)):
        block[at:at + len(value)] = value
    return checksum(block)


def pax(record):
    return header(b"x", b"%011o\0" % len(record), b"x") + record + bytes(-len(record) % 512)


ONE = bytes(header(b"one"))
BAD = {
    "no tar file": b"PK\x03\x04" * 300,
    "cut in a header": ONE + ONE[:100],
    "cut in a content": bytes(header(size=b"%011o\0" % 5000)) + b"x" * 600,
    "a flipped bit": ONE[:1] + b"N" + ONE[2:],
    "a size that is no number": bytes(header(size=b"1234567x901\0")),
    "a negative size": bytes(header(size=b"-0000000001\0")),
    "a binary size": bytes(header(size=b"\xff" * 12)),
    "a huge size": bytes(header(size=b"77777777777\0")),
    "an absolute name": bytes(header(b"/etc/passwd")),
    "a name that leads out": bytes(header(b"a/../../b")),
    "an absolute pax path": bytes(pax(b"13 path=/etc\n") + ONE),
    "an overlong pax path": bytes(pax(b"5011 path=" + b"a/" * 2500 + b"\n") + ONE),
    "an overlong name": bytes(header(size=b"%011o\0" % 100_000, kind=b"L")) + b"n" * 100_352 + ONE,
    "a pax length of nothing": bytes(pax(b"0 path=a\n") + ONE),
    "a pax length too long": bytes(pax(b"99 path=a\n") + ONE),
    "a pax length too short": bytes(pax(b"3 path=a\n") + ONE),
    "a pax record of blanks": bytes(pax(b"\n\n\n9 path=a") + ONE),
    "a file above a file": bytes(header(b"a")) + bytes(header(b"a/b")),
    "a folder that is a file": bytes(header(b"a/b")) + bytes(header(b"a")),
}


def test_the_handmade_headers_are_sound(httpd, folder):
    (folder / "x.tar").write_bytes(ONE + bytes(pax(b"10 path=p\n") + header(b"q", magic=b"")) + bytes(header(b"v7/", magic=b"")))
    server = httpd(conf=conf(folder / "x.tar")).server
    assert server.propfind("/tar/", "infinity", RESOURCETYPE).below() == ["one", "p", "v7/"]


@pytest.mark.parametrize("what", BAD)
def test_httpd_does_not_start_with_a_bad_tar_file(folder, what):
    (folder / "x.tar").write_bytes(BAD[what])
    server = Server(conf=conf(folder / "x.tar"))
    with pytest.raises(StartError) as e:
        server.start()
        server.stop()
        server.remove()
    assert "x.tar: byte" in e.value.text


def test_damaged_tar_files_harm_nobody(folder):
    """As apachectl configtest reads them; a crash would be a signal."""
    dice = random.Random(4918)
    make(folder / "good.tar", entries_of({**FILES, LONG: b"x", "big.bin": b"x" * 2000}), "pax")
    good = (folder / "good.tar").read_bytes()
    load = (modules.load_line(modules.EXAMPLES / "mod_dav_tar.c", "dav_tar"))
    server = Server(conf=load)
    server.port = 1
    for i in range(60):
        bad = bytearray(good)
        for _ in range(dice.choice([1, 2, 8])):
            at = dice.randrange(len(bad) // 512) * 512
            bad[at + dice.randrange(512)] = dice.randrange(256)
            if dice.random() < 0.7:
                bad[at:at + 512] = checksum(bad[at:at + 512])
        (folder / "x.tar").write_bytes(bad[:dice.randrange(1, len(bad))] if dice.random() < 0.3 else bad)
        server.conf_parts = (conf(folder / "x.tar"), *server.conf_parts[1:])
        server.write_conf()
        done = subprocess.run([harness.HTTPD, "-t", "-d", str(server.root), "-f", str(server.root / "httpd.conf")],
                              capture_output=True, text=True, env={**os.environ, "LD_PRELOAD": harness.PRELOAD})
        assert done.returncode in (0, 1), (i, done)
        assert "Syntax OK" in done.stderr or "begins no entry" in done.stderr, done.stderr
    server.remove()


def test_prop_by_name(tar):
    place = tar(entries_of(FILES))
    response = place.propfind("a.txt", "0", prop_body("getetag", "getcontentlength", ("urn:x", "none")))[0]
    assert response.text("getcontentlength") == "6"
    assert response.locals(404) == {"none"}
