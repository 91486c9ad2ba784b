"""litmus against a repository that is in no file system: the proof that the methods lean on nothing but the provider."""

import pytest

import test_litmus
from test_litmus import harness

import modules

CONF = """
<Location "/memory">
    DavMultistatus memory
    Require all granted
</Location>
"""


@pytest.fixture(scope="module")
def server():
    server = harness.Server(conf=modules.load_line(modules.OWN / "mod_dav_memory.c", "dav_memory") + CONF, dav=False,
                            servers=1).start()
    yield server
    wrong = server.stop()
    left = list(server.data.iterdir())
    server.remove()
    assert not wrong, "\n".join(wrong)
    assert not left


@pytest.mark.parametrize("suite", test_litmus.SUITES)
def test_suite(server, suite, tmp_path):
    test_litmus.check(server, "/memory/", suite, tmp_path)
