"""Tests that what the operators of known hosts ask for is done."""

from __future__ import annotations

import pytest

from imagefetch.pages.host_policies import apply_host_policies, lacks_contact
from imagefetch.pages.wikimedia import WikimediaPage
from tests.conftest import HOSTS, RunCrawl, project
from tests.support.server import Server

HOST = "upload.wikimedia.org"
PAGES = "imagefetch.pages,imagefetch.sites,tests.support.polite_pages"


@pytest.mark.parametrize(
    ("given", "slot"),
    [
        ({}, {"concurrency": 2}),
        ({"CONCURRENT_REQUESTS_PER_DOMAIN": 1}, {"concurrency": 1}),
        ({"DOWNLOAD_SLOTS": {HOST: {"concurrency": 9}}}, {"concurrency": 9}),
        ({"DOWNLOAD_SLOTS": '{"b.example": {"delay": 1}}'}, {"concurrency": 2}),
    ],
)
def test_known_hosts_have_a_slot(given: dict[str, object], slot: dict[str, object]) -> None:
    """Unless the user has set one; the user's other slots stay."""
    settings = project(**given)
    apply_host_policies(settings)
    slots = settings.getdict("DOWNLOAD_SLOTS")
    assert slots[HOST] == slot
    assert slots.get("b.example") == ({"delay": 1} if "b.example" in str(given) else None)


@pytest.mark.parametrize(
    ("agent", "lacks"),
    [("imagefetch/1", True), ("imagefetch/1 (+me@example.org)", False), ("a +https://b", False)],
)
def test_an_address_of_contact(agent: str, lacks: bool) -> None:
    """In the User-Agent, from CONTACT or as the user wrote it."""
    assert lacks_contact(WikimediaPage, project(USER_AGENT=agent)) == lacks


@pytest.mark.parametrize("contact", ["", "me@example.org"])
def test_host_policies_in_a_run(crawl: RunCrawl, hosts: Server, contact: str) -> None:
    """The host gets at most two requests at once, others more; a missing address is told once."""
    urls = [hosts.url(f"/slow/150/{n}", HOSTS[n % 2]) for n in range(60)]
    done = crawl(urls, SCRAPY_POET_DISCOVER=PAGES, CONTACT=contact)
    done.check(60)
    assert hosts.peak[HOSTS[0]] == 2
    assert hosts.peak[HOSTS[1]] > 2
    told = "127.0.0.1 requires an address of contact in the User-Agent: set CONTACT"
    assert done.log.count(told) == (not contact)
