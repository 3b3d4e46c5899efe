"""Tests of imagefetch.download.addresses.address_guard."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from urllib.parse import quote

import pytest

from imagefetch.download.addresses.address_guard import Guard, literal_address
from imagefetch.errors import BlockedAddress
from tests.conftest import RunCrawl
from tests.support.extensions import Answers, resolving
from tests.support.raw_responses import WHOLE, outcomes, sends, unasked
from tests.support.server import Server, serving

BLOCKED = ("FAILED BlockedAddress", "blocked-address", 1)
KEPT = ("200", "", 1)

# First and last address of each network that is not public, from
# https://www.iana.org/assignments/iana-ipv4-special-registry/ and its IPv6 counterpart.
NOT_PUBLIC = """
0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.255.255.255
169.254.0.0 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.0 192.0.2.255
192.88.99.0 192.88.99.255 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.0
198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255
168.63.129.16 169.254.169.254 100.100.100.200 192.0.0.192 :: ::1 ::127.0.0.1 ::8.8.8.8
::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8 64:ff9b::127.0.0.1
64:ff9b::10.9.8.7 64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 100:: 100::ffff:ffff:ffff:ffff
100:0:0:1:: 1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2002::
2002:7f00:1:: 2002:808:808:: 3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff 4000:: 5f00::1 fc00::
fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fd00:ec2::254 fe80::1 fec0::1 ff02::1
ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
"""

# The addresses next to those networks, and some well-known ones.
PUBLIC = """
1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15
168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0
192.0.1.255 192.0.3.0 192.31.196.1 192.52.193.1 192.88.98.255 192.88.100.0 192.167.255.255
192.169.0.0 192.175.48.1 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255
203.0.114.0
223.255.255.255 8.8.8.8 93.184.216.34
::ffff:8.8.8.8 64:ff9b::8.8.8.8 2000:: 2001:200:: 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9::
2001:4860:4860::8888 2003:: 2606:4700::6810:84e5 2620:4f:8000::1 2a00:1450:4001::1
3fff:1000:: 3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_addresses_that_are_not_public(address: str) -> None:
    """They are blocked, and the error says how to allow them."""
    with pytest.raises(BlockedAddress, match=r"to allow it: -s ALLOWED_NETWORKS=[0-9a-f.:]+$") as e:
        Guard([]).check(ip_address(address))
    Guard([str(e.value).rpartition("=")[2]]).check(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_addresses(address: str) -> None:
    """They are allowed, and so are addresses with an embedded public IPv4 address."""
    Guard([]).check(ip_address(address))


def test_allowed_networks() -> None:
    """A network is allowed in every notation of its addresses, and no other network is."""
    guard = Guard(["10.1.0.0/16", " 64:ff9b::a02:0/112", "fd00::/8"])
    for address in ("10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00::1"):
        guard.check(ip_address(address))
    guard.check(ip_address("64:ff9b::10.2.0.1"))
    for address in ("10.0.255.255", "10.2.0.1", "::ffff:10.2.0.1", "fc00::1", "127.0.0.1"):
        with pytest.raises(BlockedAddress):
            guard.check(ip_address(address))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("::ffff:127.0.0.1", "::ffff:7f00:1"),
        ("::1", "::1"),
        ("a.example", None),
        ("127.0.0.1.example", None),
        ("256.1.1.1", None),
        ("1.2.3.4.5", None),
        ("bücher.example", None),
        ("", None),
    ],
)
def test_ways_to_write_an_address(host: str, address: str | None) -> None:
    """Every notation that the system's resolver accepts is recognized as an address."""
    assert literal_address(host) == (address and ip_address(address))


# Hosts in a list or a redirect that lead to this machine.
HOSTS = [
    "127.0.0.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "0177.0.0.1",
    "127.1",
    "0.0.0.0",
    "0",
    "\uff11\uff12\uff17.0.0.1",
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "localhost",
]


def test_ways_to_a_blocked_address(crawl: RunCrawl) -> None:
    """In the list or in a redirect, no notation leads to a connection."""
    with serving(["127.0.0.1"]) as private, serving(["127.0.0.2"]) as public:
        where = [f"http://{host}:{private.port}/image/{n}" for n, host in enumerate(HOSTS)]
        lines = [
            *where,
            f"http://me:pw@127.0.0.1:{private.port}/image/a.jpg",
            f"https://127.0.0.1:{private.port}/image/a.jpg",
            *(public.url(f"/to/{quote(url, safe='')}", "127.0.0.2") for url in where),
            public.url("/image/a.jpg", "127.0.0.2"),
        ]
        done = crawl(lines, ALLOWED_NETWORKS="127.0.0.2/32", RETRY_TIMES=2)
        assert outcomes(done) == [*[BLOCKED] * (len(lines) - 1), KEPT]
        assert private.connections == 0
    told = [line for line in done.log.splitlines() if "Blocked: " in line]
    assert len(told) == 2, "one line for http, one for https, however many there are"
    assert all("WARNING" in line and "ALLOWED_NETWORKS" in line for line in told)


def test_safe_without_a_setting(crawl: RunCrawl, server: Server) -> None:
    """By default, loopback addresses are blocked."""
    done = crawl(
        [server.url("/image/a.jpg"), server.url("/a.jpg", "localhost")], ALLOWED_NETWORKS=""
    )
    assert outcomes(done) == [BLOCKED] * 2
    assert server.connections == 0


def test_names_that_resolve_to_blocked_addresses(crawl: RunCrawl, dead_port: int) -> None:
    """A blocked address is never used, be it the only one, one of several, or a later one (DNS
    rebinding)."""
    names: Answers = {
        "private.example": [["127.0.0.1"]],
        "many.example": [["127.0.0.1", "10.0.0.1", "::1"]],
        "rebinds.example": [["127.0.0.2"], ["127.0.0.1"]],  # a retry opens a new connection
        "either.example": [["127.0.0.1", "127.0.0.2"]],
        "dead.example": [["127.0.0.1", "127.0.0.3"]],
    }
    with serving(["127.0.0.1"]) as private, serving(["127.0.0.2"]) as public:
        lines = [f"http://private.example:{private.port}/image/a.jpg"]
        lines += [f"http://many.example:{private.port}/image/a.jpg"]
        lines += [f"http://rebinds.example:{public.port}/status/503/a.jpg"]
        lines += [f"http://either.example:{public.port}/image/a.jpg"]
        lines += [f"http://dead.example:{dead_port}/image/a.jpg"]
        done = crawl(
            lines, ALLOWED_NETWORKS="127.0.0.2,127.0.0.3", RETRY_TIMES=1, **resolving(names)
        )
        assert outcomes(done) == [
            BLOCKED,
            BLOCKED,
            (*BLOCKED[:2], 2),
            KEPT,
            ("FAILED ConnectionRefused", "connection-refused", 2),  # retried: the host may recover
        ]
        assert private.connections == 0
        assert sum(public.hits.values()) == 2


def test_proxies_of_the_users(crawl: RunCrawl) -> None:
    """A proxy may have any address; blocked addresses can't be requested through it."""
    with serving(["127.0.0.1"]) as proxy:
        asked: list[str] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1])
            await unasked(sends(WHOLE))(reader, writer)

        proxy.greet = answer
        env = {name: proxy.url("") for name in ("http_proxy", "https_proxy")}
        lines = ["http://a.example/a.jpg", "http://8.8.8.8/a.jpg", "http://0x08080808/b.jpg"]
        blocked = [
            f"http://{host}:{proxy.port}/{n}"
            for n, host in enumerate(HOSTS)
            if host != "localhost"  # a name, which the proxy resolves
        ]
        done = crawl(
            [*lines, *blocked, "https://127.1/a.jpg"], env=env, ALLOWED_NETWORKS="", RETRY_TIMES=1
        )
    assert outcomes(done) == [KEPT] * 3 + [BLOCKED] * (len(blocked) + 1)
    assert sorted(asked) == ["http://8.8.8.8/a.jpg", "http://8.8.8.8/b.jpg", lines[0]]
