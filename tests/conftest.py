"""Options of the test run."""

from __future__ import annotations

import os

import pytest

# The cache of read rulebooks has tests of its own; the others read the files.
os.environ["RSA_CACHE"] = "off"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite the golden files instead of comparing")


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written anew."""
    return bool(request.config.getoption("--golden"))
