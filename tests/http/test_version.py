"""The version: where httpd's own modules tell theirs, and only to whom httpd tells it."""

import re

import pytest

import harness

HEADER = (harness.REPO / "src/mod_dav_multistatus.h").read_text()
VERSION = re.search(r'^#define DMS_VERSION "(\d+\.\d+\.\d+)"$', HEADER, re.M)[1]
COMPONENT = f"mod_dav_multistatus/{VERSION}"


@pytest.mark.parametrize("tokens, told", [("Full", True), ("OS", False), ("Prod", False)])
def test_server_tokens_decide_who_hears_of_it(httpd, tokens, told):
    dav = httpd(conf=f"ServerTokens {tokens}")
    assert (COMPONENT in dav.ask("OPTIONS").get("Server").split()) == told


def test_the_log_has_it_at_each_start_once(httpd):
    dav = httpd(conf="ServerTokens Prod")
    dav.server.graceful_restart()
    starts = [line for line in dav.server.log_text().splitlines() if "resuming normal operations" in line]
    assert [line.count(COMPONENT) for line in starts] == [1, 1]


def test_it_is_in_the_file():
    assert COMPONENT.encode() + b"\0" in harness.MODULE.read_bytes()


@pytest.mark.parametrize("name, begins", [
    ("CHANGES", "Changes with mod_dav_multistatus {}\n"), ("debian/changelog", "mod-dav-multistatus ({}-"),
    ("dist/mod_dav_multistatus.spec", "Version:        {}\n")])
def test_what_has_to_be_written_by_hand_agrees(name, begins):
    """The first that each says of a version; none of them can be made of the header where it is read."""
    text = (harness.REPO / name).read_text()
    assert text.find(begins.split("{")[0]) == text.find(begins.format(VERSION)) >= 0
