"""Fixtures: crawls that write the HTML report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunCrawl, crawls


@pytest.fixture
def crawl(tmp_path: Path) -> RunCrawl:
    """Runs a crawl over some lines."""
    return crawls(tmp_path, HTML_REPORT=True)
