"""Files of more than 4 GiB: what is told of them, and their parts."""

import os

import pytest

SIZE = 5 * 2**30
END = b"the end"


@pytest.fixture
def large(place):
    """A file with almost nothing in it; the place where it is."""
    path = place.file("large.bin", b"begin")
    with open(path, "r+b") as f:
        f.seek(2**32 - 3)
        f.write(b"at 4 GiB")
        f.seek(SIZE - len(END))
        f.write(END)
    assert os.stat(path).st_size == SIZE
    return place


def test_the_size_in_a_listing(large):
    assert large.propfind("large.bin").responses[0].text("getcontentlength") == str(SIZE)
    assert large.list(body=None)["large.bin"].text("getcontentlength") == str(SIZE)
    assert large.head("large.bin").get("Content-Length") == str(SIZE)


@pytest.mark.parametrize("parts, expected, told", [
    (f"-{len(END)}", END, f"bytes {SIZE - len(END)}-{SIZE - 1}/{SIZE}"),
    (f"{2**32 - 3}-{2**32 + 4}", b"at 4 GiB", f"bytes {2**32 - 3}-{2**32 + 4}/{SIZE}"),
    ("0-4", b"begin", f"bytes 0-4/{SIZE}"),
])
def test_parts(large, parts, expected, told):
    answer = large.get("large.bin", ("Range", "bytes=" + parts))
    assert (answer.status, answer.body, answer.get("Content-Range")) == (206, expected, told)


def test_no_part_is_beyond_the_end(large):
    assert large.get("large.bin", ("Range", f"bytes={SIZE}-")).status == 416
