"""What a 207 said reaches the log (notes) and server-status (totals)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import ALLPROP, RESOURCETYPE
from writing import update_body, wait_until

CONF = """
LogFormat "%m %U %>s %{dav-multistatus-responses}n %{dav-multistatus-failures}n" counts
CustomLog "{root}/logs/counts.log" counts
<Location "/server-status">
SetHandler server-status
Require all granted
</Location>
<Location "/dav/denied">
Require all denied
</Location>
"""
NAMES = ["Answers", "Responses", "Failures", "Bytes", "Broken", "FirstByteMicroseconds", "DurationMicroseconds"]


@pytest.fixture
def place(httpd):
    place = httpd(conf=CONF, location="DavMultistatusShowForbidden On", servers=2)
    for i in range(10):
        place.file(f"f{i}.txt")
    place.file("denied/x.txt")
    place.server.expect_log("AH01630")
    return place


def totals(place):
    """{name: number} of the lines DavMultistatus* of server-status?auto."""
    lines = place.server.get("/server-status?auto").body.decode().splitlines()
    pairs = [line[len("DavMultistatus"):].split(": ") for line in lines if line.startswith("DavMultistatus")]
    return {name: int(value) for name, value in pairs}


def totals_of(place, answers):
    """The totals when so many 207s have been counted: that is done when the client has its answer."""
    wait_until(lambda: totals(place)["Answers"] == answers, what=f"not {answers} answers: {totals(place)}")
    return totals(place)


def logged(place, line):
    path = place.server.root / "logs/counts.log"
    wait_until(lambda: line in path.read_text().splitlines(), what=f"{line!r} is not logged: {path.read_text()}")


def test_the_notes_of_a_listing(place):
    place.list("1", ALLPROP)
    logged(place, "PROPFIND /dav/ 207 12 1")  # the folder that is denied
    place.list("0")
    logged(place, "PROPFIND /dav/ 207 1 0")


def test_a_property_that_is_not_there_is_no_failure_of_a_member(place):
    """But one that can't be changed is."""
    place.propfind("f1.txt", "0", '<D:propfind xmlns:D="DAV:"><D:prop><D:none/></D:prop></D:propfind>')
    place.ask("PROPPATCH", "f2.txt", [], update_body(("set", "<D:getetag>x</D:getetag>")))
    logged(place, "PROPFIND /dav/f1.txt 207 1 0")
    logged(place, "PROPPATCH /dav/f2.txt 207 1 1")


def test_the_notes_of_what_is_no_207(place):
    place.get("f1.txt")
    place.try_propfind("none", "0")
    logged(place, "GET /dav/f1.txt 200 - -")
    logged(place, "PROPFIND /dav/none 404 - -")


def test_the_totals(place):
    assert totals(place) == dict.fromkeys(NAMES, 0)
    first = place.try_propfind("", "1", ALLPROP)
    second = place.try_propfind("f1.txt", "0", RESOURCETYPE)
    got = totals_of(place, 2)
    assert list(got) == NAMES
    assert (got["Answers"], got["Responses"], got["Failures"], got["Broken"]) == (2, 13, 1, 0)
    assert got["Bytes"] == len(first.body) + len(second.body)
    assert 0 < got["FirstByteMicroseconds"] <= got["DurationMicroseconds"] < 10_000_000


def test_the_totals_survive_a_graceful_restart(place):
    place.list("1")
    before = totals_of(place, 1)
    for i in range(2):
        place.server.graceful_restart()
        assert totals(place) == before
    place.list("1")
    totals_of(place, 2)


def test_all_processes_and_threads_count_together(place):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: place.list("1"), range(200)))
    got = totals_of(place, 200)
    assert (got["Responses"], got["Failures"]) == (2400, 200)


def test_a_client_that_leaves_is_counted(httpd, big_folders):
    place = httpd(conf=CONF, data=big_folders)
    connection = place.server.connect(rcvbuf=4096)
    connection.send("PROPFIND", "/dav/many/", [("Depth", "1")], ALLPROP)
    connection.read_head()
    connection.reset()
    responses = int(place.server.wait_log(r"client left after (\d+) responses").group(1))
    got = totals_of(place, 1)
    assert (got["Broken"], got["Responses"]) == (1, responses)
    logged(place, f"PROPFIND /dav/many/ 207 {responses} 0")


def test_the_page_for_people(place):
    place.list("1")
    totals_of(place, 1)
    page = place.server.get("/server-status").body.decode()
    assert "207 answers: 1, of which incomplete (mostly, the client left): 0" in page
    assert "Responses in them: 12, of which failures: 1" in page


def test_without_mod_status(httpd):
    place = httpd(conf="", modules=())
    conf_path = place.server.root / "httpd.conf"
    conf_path.write_text("\n".join(line for line in conf_path.read_text().splitlines() if " status_module" not in line))
    place.server.graceful_restart()
    assert len(place.list("0")) == 1
