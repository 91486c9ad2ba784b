"""Checksums that come along with a body are verified, kept with the entity tag that they belong to, and told."""

import base64
import gzip
import hashlib
import os
import random

import pytest

from harness import prop_body
from test_patch import patch
from writing import leftovers

OC = "http://owncloud.org/ns"
BODY = random.Random(7).randbytes(300_000)
NAMES = {"sha1": ("SHA1", "sha"), "md5": ("MD5", "md5"), "sha256": ("SHA256", "sha-256")}
# A header for each way to tell a digest.
WAYS = {
    "OC-Checksum": lambda kind, body: f"{NAMES[kind][0]}:{hashlib.new(kind, body).hexdigest()}",
    "Repr-Digest": lambda kind, body: f"{NAMES[kind][1]}=:{b64(kind, body)}:",
    "Content-Digest": lambda kind, body: f"{NAMES[kind][1]}=:{b64(kind, body)}:",
    "Digest": lambda kind, body: f"{NAMES[kind][1].upper()}={b64(kind, body)}",
}
ALL = [(header, kind) for header in WAYS for kind in NAMES] + [("Content-MD5", "md5")]


def b64(kind, body):
    return base64.b64encode(hashlib.new(kind, body).digest()).decode()


def told(header, kind, body):
    return header, WAYS[header](kind, body) if header in WAYS else b64(kind, body)


def checksums(dav, name="a.bin"):
    (response,) = dav.propfind(name, "0", prop_body((OC, "checksums")))
    found = response.props().get("{%s}checksums" % OC)
    assert (found is None) == ("{%s}checksums" % OC in response.props(404))
    if found is None:
        return None
    (checksum,) = found
    assert checksum.tag == "{%s}checksum" % OC
    return checksum.text


def of(*kinds, body=BODY):
    return " ".join(f"{NAMES[kind][0]}:{hashlib.new(kind, body).hexdigest()}" for kind in kinds)


@pytest.mark.parametrize("header, kind", ALL)
def test_a_true_one_is_kept(dav, header, kind):
    assert dav.put("a.bin", BODY, told(header, kind, BODY)).status == 201
    kinds = {"sha1", "md5", kind} if header == "OC-Checksum" else {kind}  # ownCloud's clients send one, and ask for another
    assert checksums(dav) == of(*(k for k in NAMES if k in kinds))


@pytest.mark.parametrize("header, kind", ALL)
def test_a_false_one_refuses_the_body(dav, header, kind):
    lie = told(header, kind, BODY[:-1])
    answer = dav.put("a.bin", BODY, lie)
    assert answer.status == 400 and b"checksum mismatch" in answer.body.lower() and header.encode() in answer.body
    assert dav.tree() == {}
    dav.file("a.bin", b"old")
    assert dav.put("a.bin", BODY, lie).status == 400
    assert dav.tree() == {"a.bin": b"old"}
    assert checksums(dav) is None


@pytest.mark.parametrize("header, value", [
    ("OC-Checksum", "SHA1:"), ("OC-Checksum", "SHA1"), ("OC-Checksum", "MD5:nonsense"), ("OC-Checksum", "SHA1:" + "0" * 5000),
    ("OC-Checksum", "ADLER32:1 SHA1:0000000000000000000000000000000000000000"),
    ("Repr-Digest", "sha-256=::"), ("Repr-Digest", "sha-256"), ("Content-Digest", "sha-256=:AAAA:"), ("Digest", "MD5=%%%%"),
    ("Repr-Digest", "sha-256=:" + "A" * 5000 + ":"), ("Content-MD5", ""), ("Content-MD5", "AAAA"), ("Content-MD5", "A" * 5000)])
def test_what_can_t_be_true(dav, header, value):
    assert dav.put("a.bin", BODY, (header, value)).status == 400
    assert dav.tree() == {}


@pytest.mark.parametrize("header, value", [
    ("OC-Checksum", "ADLER32:1234"), ("OC-Checksum", "SHA3-256:1234"), ("OC-Checksum", ""), ("OC-Checksum", ":::"),
    ("Repr-Digest", "sha-512=:AAAA:"), ("Repr-Digest", ",,=,"), ("Content-Digest", "unixsum=:AAAA:;x"), ("Digest", "x=y")])
def test_an_unknown_one_is_ignored(dav, header, value):
    assert dav.put("a.bin", BODY, (header, value)).status == 201
    assert checksums(dav) is None


def test_several(dav):
    both = f"sha-512=:AAAA:, sha-256=:{b64('sha256', BODY)}:;x=y"
    assert dav.put("a.bin", BODY, ("Repr-Digest", both), ("OC-Checksum", of("md5", "sha1").lower())).status == 201
    assert checksums(dav) == of("sha1", "md5", "sha256")
    assert dav.put("a.bin", BODY, ("Repr-Digest", both), told("OC-Checksum", "md5", b"")).status == 400


def test_an_empty_file(dav):
    assert dav.put("a.bin", b"", told("OC-Checksum", "sha1", b"")).status == 201
    assert checksums(dav) == of("sha1", "md5", body=b"")


def test_a_part(dav):
    """What is said of the body counts; what is said of the whole file does not, and nothing is kept."""
    dav.file("a.bin", b"0123456789")
    whole = told("OC-Checksum", "sha1", b"something")
    assert patch(dav, "append", b"x", told("Content-Digest", "sha256", b"y"), name="a.bin").status == 400
    assert patch(dav, "append", b"x", told("Content-Digest", "sha256", b"x"), whole, name="a.bin").status == 204
    part = ("Content-Range", "bytes 0-0/*")
    assert dav.put("a.bin", b"A", part, told("Content-MD5", "md5", b"B")).status == 400
    assert dav.put("a.bin", b"A", part, told("Content-MD5", "md5", b"A"), whole).status == 204
    assert dav.tree() == {"a.bin": b"A123456789x"}
    assert checksums(dav) is None
    assert leftovers(dav.path) == []


def test_of_a_coded_body_nothing_is_known(dav):
    body = gzip.compress(BODY)
    answer = dav.put("a.bin", body, ("Content-Encoding", "gzip"), told("Repr-Digest", "sha256", b"whatever"))
    assert answer.status == 201
    assert checksums(dav) is None


def test_they_belong_to_one_content(dav):
    def put():
        assert dav.put("a.bin", BODY, told("OC-Checksum", "sha1", BODY)).status in (201, 204)
        assert checksums(dav) == of("sha1", "md5")

    put()
    assert dav.put("a.bin", BODY).status == 204
    assert checksums(dav) is None
    put()
    assert patch(dav, "append", b"x", name="a.bin").status == 204
    assert checksums(dav) is None
    put()
    with open(dav.disk("a.bin"), "ab") as f:
        f.write(b"x")
    assert checksums(dav) is None
    put()
    os.utime(dav.disk("a.bin"), (1, 1))
    assert checksums(dav) is None


def test_they_go_where_the_file_goes(dav):
    assert dav.put("a.bin", BODY, told("OC-Checksum", "sha1", BODY)).status == 201
    dav.set("a.bin", color="blue")
    assert dav.move("a.bin", "b.bin").status == 201
    assert checksums(dav, "b.bin") == of("sha1", "md5")
    assert dav.copy("b.bin", "c.bin").status == 201
    assert checksums(dav, "c.bin") is None  # another file with another tag
    assert dav.delete("b.bin").status == 204
    assert dav.put("b.bin", BODY).status == 201
    assert checksums(dav, "b.bin") is None


def test_nobody_sees_or_sets_them_but_by_name(dav):
    assert dav.put("a.bin", BODY, told("OC-Checksum", "sha1", BODY)).status == 201
    name = "{%s}checksums" % OC
    for body in (None, "<D:propfind xmlns:D='DAV:'><D:propname/></D:propfind>", "<D:propfind xmlns:D='DAV:'><D:allprop/></D:propfind>"):
        (response,) = dav.propfind("a.bin", "0", body)
        assert name not in response.props()
    (response,) = dav.propfind("a.bin", "0", f"<D:propfind xmlns:D='DAV:'><D:allprop/><D:include><checksums xmlns='{OC}'/></D:include>"
                                             "</D:propfind>")
    assert name in response.props()
    for step in "set", "remove":
        answer = dav.proppatch("a.bin", (step, f"<checksums xmlns='{OC}'><checksum>SHA1:1</checksum></checksums>"))
        (response,) = answer.multistatus()
        assert name in response.props(403)
    assert checksums(dav) == of("sha1", "md5")
    listed = {r.path.rpartition(b"/")[2]: name in r.props() for r in dav.propfind("", "1", prop_body((OC, "checksums")))}
    assert listed == {b"": False, b"a.bin": True}


def test_get_tells_them_to_who_asks(dav):
    dav.put("a.txt", BODY, told("Repr-Digest", "sha256", BODY), told("OC-Checksum", "sha1", BODY))
    sha256 = f"sha-256=:{b64('sha256', BODY)}:"
    for ask in dav.get, lambda *a: dav.ask("HEAD", a[0], list(a[1:])):
        assert ask("a.txt").get("Repr-Digest") is None and ask("a.txt").get("OC-Checksum") is None
        answer = ask("a.txt", ("Want-Repr-Digest", "sha-512=3, sha-256=10"), ("Accept-Encoding", "gzip"))
        assert answer.get("Repr-Digest") == sha256 and answer.get("Content-Encoding") is None
        assert ask("a.txt", ("Want-Repr-Digest", "sha-256=1, sha=2")).get("Repr-Digest") == f"sha=:{b64('sha1', BODY)}:, {sha256}"
        for want in "sha-256=0", "md5=0", "sha-512=1", "nonsense", "":
            assert ask("a.txt", ("Want-Repr-Digest", want)).get("Repr-Digest") is None
        assert ask("a.txt", ("User-Agent", "Mozilla/5.0 (Linux) mirall/2.11.0")).get("OC-Checksum") == of("sha1")
    answer = dav.get("a.txt", ("Want-Repr-Digest", "sha-256=1"), ("Range", "bytes=0-9"))
    assert answer.status == 206 and answer.get("Repr-Digest") == sha256
    dav.file("a.txt", b"other")
    assert dav.get("a.txt", ("Want-Repr-Digest", "sha-256=1")).get("Repr-Digest") is None
