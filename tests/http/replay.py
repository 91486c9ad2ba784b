"""What the replays of clients share: requests over one kept connection. A pytest plugin (conftest.py names it)."""

import re

import pytest

from locking import answered


class Client:
    """Requests over one kept connection, with the client's own headers."""

    def __init__(self, dav, connection, headers):
        self.dav, self.connection, self.headers = dav, connection, headers

    def __call__(self, method, name, *headers, body=None, chunks=None, base=None):
        url = (self.dav.url if base is None else base) + name
        return self.connection.ask(method, url, [*self.headers, *headers], body, chunks=chunks)


@pytest.fixture
def client(dav):
    with dav.server.connect() as connection:
        yield lambda headers: Client(dav, connection, headers)


def token_of(answer):
    """Lock-Token in < >, which is also in the body, with a timeout and a root: all that Windows reads."""
    value = answer.get("Lock-Token")
    assert re.fullmatch(r"<urn:uuid:[0-9a-f-]{36}>", value), value
    (active,) = answered(answer)
    assert f"<{active.token}>" == value
    return value
