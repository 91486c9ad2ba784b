"""MultiViews lets a GET choose another file, and nothing else: what is written is what was asked for."""

import pytest


@pytest.fixture
def views(dav_on):
    dav = dav_on(directory="Options Indexes FollowSymLinks MultiViews")
    (dav.path / "page.html").write_text("theirs")
    (dav.path / "other").write_text("mine")
    return dav


@pytest.mark.parametrize("method, name, headers, status", [
    ("PUT", "page", [], 201), ("DELETE", "page", [], 404), ("PROPFIND", "page", [("Depth", "0")], 404),
    ("COPY", "page", [("Destination", "/dav/copy")], 404), ("COPY", "other", [("Destination", "/dav/page")], 201),
    ("MOVE", "other", [("Destination", "/dav/page")], 201)])
def test_no_other_file_is_taken(views, method, name, headers, status):
    answer = views.server.ask(method, "/dav/" + name, headers, b"mine" if method == "PUT" else None)
    assert answer.status == status
    assert (views.path / "page.html").read_text() == "theirs"
    if status == 201:
        assert (views.path / "page").read_text() == "mine"


def test_a_get_still_chooses(views):
    assert views.server.get("/dav/page").body == b"theirs"
