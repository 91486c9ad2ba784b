"""Real input: a large tree that is there already, listed whole and compared with what `find` says."""

import os
import subprocess
import urllib.parse

from harness import IS_ROOT, RESOURCETYPE, WEB_USER, prop_body

TREE = b"/usr/lib"


def find(*types):
    """Paths below TREE as the server's user sees them; a folder that it may not open is itself still seen."""
    who = {"user": WEB_USER, "group": WEB_USER, "extra_groups": []} if IS_ROOT else {}
    done = subprocess.run(["find", TREE, "-mindepth", "1", "(", "-type", "f", "-o", "-type", "d", ")", "-print0"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, **who)
    # What the stock configuration denies is no matter of this test.
    return {p for p in done.stdout.split(b"\0") if p and b"/.ht" not in p}


def test_usr_is_listed_as_find_lists_it(httpd):
    place = httpd(data="/usr/lib", directory="Options None")
    before = find()
    answer = place.try_propfind("", "infinity", RESOURCETYPE).multistatus("/dav/", keep=False)
    after = find()
    paths = [TREE + urllib.parse.unquote_to_bytes(h)[len(b"/dav"):].rstrip(b"/") for h in answer.hrefs[1:]]
    listed = {p for p in paths if b"/.ht" not in p}
    assert len(paths) == len(set(paths)), "each once"
    # Packages may be installed meanwhile: what was there before and after must be there, and nothing else.
    assert not sorted((before & after) - listed)[:20]
    assert not sorted(listed - (before | after))[:20]
    assert len(listed) > 1000


def test_what_cannot_be_opened_in_usr_is_403_and_nothing_else_fails(httpd):
    place = httpd(data="/usr/lib", directory="Options None")
    answer = place.try_propfind("", "infinity", prop_body("getcontenttype", "getcontentlength")).multistatus(
        "/dav/", keep=False)
    for response in answer:
        if response.status is not None:
            path = TREE + response.path[len(b"/dav"):]
            closed = os.stat(path).st_mode & 0o005 != 0o005 if IS_ROOT else not os.access(path, os.R_OK | os.X_OK)
            assert response.status == 403 and closed, response


def test_usr_with_every_live_property_and_links_followed(httpd):
    place = httpd(data="/usr/share/doc", directory="Options FollowSymLinks")
    answer = place.try_propfind("", "infinity").multistatus("/dav/", keep=False)
    assert len(answer) > 1000
