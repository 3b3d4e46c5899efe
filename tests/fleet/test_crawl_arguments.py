"""Tests how the processes that share a host's limits divide them."""

from __future__ import annotations

import json

import pytest

from imagefetch.fleet.crawl_arguments import CrawlArguments, lanes_of_known_hosts
from tests.conftest import project

PAGES = "imagefetch.pages,imagefetch.sites,tests.support.polite_pages"
WIKIMEDIA = "upload.wikimedia.org"


def given_to(lanes: int, **settings: object) -> dict[str, str]:
    """Return the settings of one of *lanes* processes."""
    arguments = CrawlArguments.of(project(**settings), [], "images").for_lane(lanes)
    return dict(argument.split("=", 1) for argument in arguments)


@pytest.mark.parametrize(("lanes", "at_once"), [(2, 1), (3, 1)])
def test_processes_divide_what_known_hosts_ask_for(lanes: int, at_once: int) -> None:
    """And what the settings allow."""
    given = given_to(lanes, CONCURRENT_REQUESTS_PER_DOMAIN=12, DOWNLOAD_DELAY=0.5)
    assert given["CONCURRENT_REQUESTS_PER_DOMAIN"] == str(12 // lanes)
    assert given["DOWNLOAD_DELAY"] == str(0.5 * lanes)
    assert json.loads(given["DOWNLOAD_SLOTS"])[WIKIMEDIA] == {"concurrency": at_once}


def test_a_delay_of_a_known_host_is_longer_for_each_process() -> None:
    given = given_to(2, SCRAPY_POET_DISCOVER=PAGES)
    assert json.loads(given["DOWNLOAD_SLOTS"])["slow.example"] == {"delay": 1.0}


def test_a_process_alone_gets_the_settings_as_they_are() -> None:
    assert not {"DOWNLOAD_SLOTS", "CONCURRENT_REQUESTS_PER_DOMAIN"} & given_to(1).keys()


def test_no_more_processes_than_a_known_host_allows_requests() -> None:
    assert lanes_of_known_hosts(project())[WIKIMEDIA] == 2
    assert lanes_of_known_hosts(project(CONCURRENT_REQUESTS_PER_DOMAIN=1))[WIKIMEDIA] == 1
