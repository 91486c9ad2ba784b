"""GET and HEAD of plain files: as httpd's default handler serves them, with the entity tag that PROPFIND shows."""

import gzip
import os
import random
import re
import subprocess
import time

import pytest

from harness import http_date, prop_body

CONTENT = b"0123456789abcdefghij"


@pytest.fixture
def file(place):
    place.file("a.txt", CONTENT)
    return place


def etag_of(place, name="a.txt"):
    return place.propfind(name, body=prop_body("getetag"))[0].text("getetag")


def test_get_serves_the_file(file):
    answer = file.get("a.txt")
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.get("Content-Length") == "20"
    assert answer.get("Content-Type") == "text/plain"
    assert answer.get("Accept-Ranges") == "bytes"
    assert answer.get("Last-Modified") == http_date(int((file.path / "a.txt").stat().st_mtime))
    assert answer.get("ETag") == etag_of(file)


def test_head_has_the_headers_of_get_and_no_body(file):
    get, head = file.get("a.txt"), file.head("a.txt")
    assert head.status == 200 and head.body == b""
    drop = ("Date",)
    assert [h for h in head.headers if h[0] not in drop] == [h for h in get.headers if h[0] not in drop]


def test_headers_are_those_of_the_default_handler(file):
    """But for the entity tag, which is ours, and that nobody else's copy is to be used unasked."""
    def headers(answer):
        return sorted((n, v) for n, v in answer.headers if n not in ("Date", "ETag", "Cache-Control"))
    assert headers(file.get("a.txt")) == headers(file.server.get(file.url.replace("/dav/", "/plain/") + "a.txt"))


@pytest.mark.parametrize("headers", [("Range", "bytes=2-3"), ("Range", "bytes=20-"), ("If-None-Match", "*"), ("If-Match", '"x"')],
                         ids=str)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_other_answers_are_those_of_the_default_handler(file, method, headers):
    def told(url):
        answer = file.server.ask(method, url + "a.txt", [headers])
        return answer.status, sorted((n, v) for n, v in answer.headers if n not in ("Date", "ETag", "Cache-Control")), answer.body
    assert told(file.url) == told(file.url.replace("/dav/", "/plain/"))


@pytest.mark.parametrize("conf, told", [("", "no-cache"), ("ExpiresActive On\nExpiresDefault 'access plus 1 hour'", "max-age=3600"),
                                        ("Header set Cache-Control max-age=60", "max-age=60"), ("ExpiresActive Off", "no-cache")])
def test_a_cache_asks_unless_the_configuration_says_for_how_long_it_need_not(httpd, conf, told):
    place = httpd(modules=["expires"], location=conf)
    place.file("a.txt", CONTENT)
    os.utime(place.path / "a.txt", (1_000_000_000, 1_000_000_000))
    for method, headers, status in (("GET", [], 200), ("HEAD", [], 200), ("GET", [("Range", "bytes=0-1")], 206), ("GET", [("If-None-Match", "*")], 304)):
        answer = place.ask(method, "a.txt", headers)
        assert (answer.status, answer.get("Cache-Control")) == (status, told)


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 3_000_001])
@pytest.mark.parametrize("setting", ["EnableSendfile On", "EnableSendfile Off", "EnableSendfile Off\nEnableMMAP Off"])
def test_contents_of_any_size(httpd, setting, size):
    place = httpd(directory="Options None\n" + setting)
    content = random.Random(size).randbytes(size)
    place.file("a.bin", content)
    answer = place.get("a.bin")
    assert answer.body == content
    assert answer.get("Content-Length") == str(size)


def test_a_file_beyond_4_gib_by_range(place):
    path = place.file("sparse.bin")
    os.truncate(path, 5 * 2**30)
    with open(path, "r+b") as f:
        f.seek(5 * 2**30 - 3)
        f.write(b"end")
    answer = place.get("sparse.bin", ("Range", "bytes=-5"))
    assert (answer.status, answer.body) == (206, b"\0\0end")
    assert place.head("sparse.bin").get("Content-Length") == str(5 * 2**30)


# -- ranges (RFC 9110 section 14)


@pytest.mark.parametrize("wanted, body, content_range", [
    ("0-3", b"0123", "bytes 0-3/20"), ("5-", CONTENT[5:], "bytes 5-19/20"), ("-4", b"ghij", "bytes 16-19/20"),
    ("19-100", b"j", "bytes 19-19/20")])
def test_a_range(file, wanted, body, content_range):
    answer = file.get("a.txt", ("Range", "bytes=" + wanted))
    assert (answer.status, answer.body) == (206, body)
    assert answer.get("Content-Range") == content_range
    assert answer.get("ETag") == etag_of(file)


def test_several_ranges(file):
    answer = file.get("a.txt", ("Range", "bytes=0-1,10-11"))
    assert answer.status == 206
    assert answer.get("Content-Type").startswith("multipart/byteranges")
    assert b"\r\n01\r\n" in answer.body and b"\r\nab\r\n" in answer.body


def test_a_range_beyond_the_end(file):
    assert file.get("a.txt", ("Range", "bytes=20-")).status == 416


def test_if_range(file):
    tag = etag_of(file)
    assert file.get("a.txt", ("Range", "bytes=0-1"), ("If-Range", tag)).status == 206
    other = file.get("a.txt", ("Range", "bytes=0-1"), ("If-Range", '"other"'))
    assert (other.status, other.body) == (200, CONTENT)


# -- conditions (RFC 9110 section 13)


def test_if_none_match_with_our_tag_is_304(file):
    tag = etag_of(file)
    for value in (tag, f'"x", {tag}', "*", "W/" + tag):
        answer = file.get("a.txt", ("If-None-Match", value))
        assert (answer.status, answer.body) == (304, b"")
        assert answer.get("ETag") == tag
    assert file.head("a.txt", ("If-None-Match", tag)).status == 304


def test_if_none_match_with_another_tag_is_200(file):
    assert file.get("a.txt", ("If-None-Match", '"other"')).status == 200


def test_if_none_match_after_a_change_is_200(file):
    tag = etag_of(file)
    file.file("a.txt", CONTENT[::-1])
    answer = file.get("a.txt", ("If-None-Match", tag))
    assert (answer.status, answer.body) == (200, CONTENT[::-1])


def test_if_match(file):
    assert file.get("a.txt", ("If-Match", etag_of(file))).status == 200
    assert file.get("a.txt", ("If-Match", "*")).status == 200
    assert file.get("a.txt", ("If-Match", '"other"')).status == 412
    assert file.head("a.txt", ("If-Match", '"other"')).status == 412


def test_if_modified_since(file):
    os.utime(file.path / "a.txt", (10**9, 10**9))
    assert file.get("a.txt", ("If-Modified-Since", http_date(10**9))).status == 304
    assert file.get("a.txt", ("If-Modified-Since", http_date(10**9 - 1))).status == 200
    assert file.get("a.txt", ("If-Unmodified-Since", http_date(10**9))).status == 200
    assert file.get("a.txt", ("If-Unmodified-Since", http_date(10**9 - 1))).status == 412


# -- beside other modules


def test_an_output_filter_applies(httpd):
    place = httpd(location="SetOutputFilter DEFLATE")
    place.file("a.txt", CONTENT * 500)
    answer = place.get("a.txt", ("Accept-Encoding", "gzip"))
    assert answer.get("Content-Encoding") == "gzip"
    assert gzip.decompress(answer.body) == CONTENT * 500


def test_language_and_encoding_headers(httpd):
    place = httpd(directory="Options None\nAddLanguage de .de\nAddEncoding x-gzip .gz")
    place.file("a.html.de")
    place.file("b.txt.gz")
    assert place.get("a.html.de").get("Content-Language") == "de"
    assert place.get("b.txt.gz").get("Content-Encoding") == "x-gzip"


def test_a_file_with_a_handler_of_its_own_stays_with_it(httpd):
    place = httpd(conf='<Files "x.info">\nSetHandler server-status\n</Files>')
    place.file("x.info", b"plain text")
    assert b"Apache Server Status" in place.get("x.info").body
    assert place.list("1").names() == ["x.info"]


def test_a_handler_by_extension_stays_with_its_files(httpd):
    place = httpd(directory="Options None\nAddHandler type-map .var")
    place.file("a.var", b"URI: a.txt\nContent-Type: text/plain\n\n")
    place.file("a.txt", CONTENT)
    assert place.get("a.var").body == CONTENT


def test_a_handler_for_a_whole_location_stays(httpd):
    place = httpd(conf='<Location "/dav/status">\nSetHandler server-status\n</Location>')
    assert b"Apache Server Status" in place.get("status").body


def test_a_folder_shows_the_index_of_mod_autoindex(file):
    file.folder("sub")
    answer = file.get("")
    assert answer.status == 200
    assert b"a.txt" in answer.body and b"sub/" in answer.body


def test_an_index_file_is_served_with_its_own_tag(place):
    place.file("index.html", b"<p>hi")
    answer = place.get("")
    assert answer.body == b"<p>hi"
    assert answer.get("ETag") == etag_of(place, "index.html")


def test_what_is_not_there_is_404(file):
    for name in ("nope", "nope/", "a.txt/x", "a.txt/"):
        assert file.get(name).status == 404
        assert file.head(name).status == 404


@pytest.mark.root
def test_a_file_that_cannot_be_read_is_403(place):
    place.file("a.txt", mode=0o600)
    place.server.expect_log(r"AH00132|Permission denied")
    assert place.get("a.txt").status == 403


def test_what_the_configuration_denies_is_403(place):
    place.file(".htpasswd")
    place.server.expect_log("AH01630|client denied")
    assert place.get(".htpasswd").status == 403


def test_files_elsewhere_are_not_ours(file):
    plain = file.server.get(file.url.replace("/dav/", "/plain/") + "a.txt")
    assert plain.body == CONTENT
    assert plain.get("DAV") is None


def test_the_tag_is_the_same_within_the_first_second_and_later(place):
    place.file("new.txt")
    first = place.get("new.txt").get("ETag")
    assert re.fullmatch(r'"[^"]+"', first)
    time.sleep(1.2)
    assert place.get("new.txt").get("ETag") == first


def test_get_of_a_fast_changing_file_never_mixes(place):
    """Length, tag and body of one answer are of one file."""
    import threading
    stop = threading.Event()
    path = place.file("a.txt", b"")

    def write():
        i = 0
        while not stop.is_set():
            i += 1
            temporary = path.with_name("tmp")
            temporary.write_bytes(b"%d" % (i % 10) * (1 + i * 37 % 20000))
            temporary.replace(path)
    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(200):
            answer = place.get("a.txt")
            assert answer.status == 200
            assert len(answer.body) == int(answer.get("Content-Length"))
            assert len(set(answer.body)) <= 1
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("options", ["Indexes", "None"])
def test_a_folder_is_there(httpd, method, options):
    """Clients ask by HEAD whether it is; only where nobody else answers we do."""
    place = httpd(directory=f"Options {options}")
    place.file("a.txt")
    answer = place.server.ask(method, place.url)
    assert (answer.status, b"a.txt" in answer.body) == (200, options == "Indexes" and method == "GET")
    assert place.server.ask(method, place.url + "sub/").status == 404
    post = place.server.ask("POST", place.url, body=b"x")
    assert post.status == 405 and "GET" in post.tokens("Allow")


def test_post_is_for_who_takes_it(httpd):
    """httpd's default handler would take it for a GET; a handler that is set has it."""
    place = httpd(modules=["cgid"], conf='ScriptSock "{root}/run/cgid"\n', directory="Options ExecCGI\nAddHandler cgi-script .cgi")
    place.file("a.txt")
    place.file("x.cgi", b"#!/bin/sh\ncat >/dev/null; echo; echo ran\n", mode=0o755)
    answer = place.server.ask("POST", place.url + "a.txt", body=b"x")
    assert answer.status == 405 and answer.get("ETag") is None
    assert "GET" in answer.tokens("Allow") and "POST" not in answer.tokens("Allow")
    assert place.server.ask("POST", place.url + "missing", body=b"x").status == 404
    assert place.server.ask("POST", place.url + "x.cgi", body=b"x").body == b"ran\n"


@pytest.mark.parametrize("filters", ["", "SetOutputFilter DEFLATE"])
@pytest.mark.parametrize("version", ["--http1.1", "--http1.0", "--http2-prior-knowledge"])
def test_head_of_an_empty_file_tells_its_length(httpd, version, filters):
    place = httpd(modules=["http2"], conf="Protocols h2c http/1.1", location=filters)
    place.file("empty", b"")
    place.file("one", b"1")
    for name, size in (("empty", 0), ("one", 1)):
        for method in (["-I"], []):
            argv = ["curl", "-sS", version, *method, "-D-", "-o/dev/null", f"http://127.0.0.1:{place.server.port}{place.url}{name}"]
            head = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
            assert re.findall(r"(?im)^content-length: (\d+)", head) == [str(size)], head
    with place.server.connect() as connection:  # the next answer is not out of step
        for _ in range(3):
            answer = connection.ask("HEAD", place.url + "empty")
            assert (answer.status, answer.get("Content-Length")) == (200, "0")
        assert connection.ask("HEAD", place.url + "empty", [("If-None-Match", answer.get("ETag"))]).get("Content-Length") is None
        assert connection.ask("GET", place.url + "one").body == b"1"
