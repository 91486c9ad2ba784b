"""The fixture of tests in a browser: `chromium`, the Driver of a node that has one (driver.py)."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))

import driver  # noqa: E402


@pytest.fixture(scope="session")
def chromium():
    with driver.running("chromium-headless-shell") as started:
        yield started
