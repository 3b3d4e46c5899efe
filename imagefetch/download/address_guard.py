"""Which addresses are connected to: public ones, and those of ALLOWED_NETWORKS.

What is looked at is the address that a socket is about to connect to. However
a URL writes it, whatever a name resolves to and however often that changes,
there is no other way to it.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from imagefetch.errors import BlockedAddress

logger = logging.getLogger(__name__)

Address = IPv4Address | IPv6Address

# Addresses that are not of the public internet. Sources, as of 2025-10:
# https://www.iana.org/assignments/iana-ipv4-special-registry/
# https://www.iana.org/assignments/iana-ipv6-special-registry/
# https://www.iana.org/assignments/multicast-addresses/
# Special networks that IANA calls globally reachable are left out, but for
# those in 192.0.0.0/24 and 2001::/23, which hold protocols, not web sites.
NOT_PUBLIC = {
    ip_network(network): meaning
    for network, meaning in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private use",
        "100.64.0.0/10": "shared address space",
        "127.0.0.0/8": "loopback",
        # Public by its number, and answers inside of Azure only, to its machines:
        # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32": "Azure's host",
        "169.254.0.0/16": "link local",
        "172.16.0.0/12": "private use",
        "192.0.0.0/24": "protocol assignments",
        "192.0.2.0/24": "documentation",
        "192.88.99.0/24": "6to4 relay",
        "192.168.0.0/16": "private use",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
        "::1/128": "loopback",
        "2001::/23": "protocol assignments",  # Teredo among them
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "3fff::/20": "documentation",
        "fc00::/7": "unique local",
        "fe80::/10": "link local",
        "ff00::/8": "multicast",
    }.items()
}

# All that is public in IPv6 (RFC 4291, section 2.4, and IANA's
# ipv6-unicast-address-assignments). What stands for an IPv4 address lies outside.
GLOBAL_UNICAST = IPv6Network("2000::/3")

# Networks whose last 32 bits are the IPv4 address that packets will reach:
# IPv4-mapped (RFC 4291, section 2.5.5.2) and NAT64 (RFC 6052, section 2.1).
# Behind NAT64, every public IPv4 host has such an address.
STANDS_FOR_IPV4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


@dataclass
class Attempt:
    """One request's way to a connection, over as many addresses as its host has."""

    to_proxy: bool
    """Whether what is connected to is the user's own choice."""
    passed: bool = False
    """Whether any address could be connected to."""
    refusal: BlockedAddress | None = None
    """Of the last address that couldn't. Where a host has several addresses,
    asyncio makes one error of what came of them all, and no type outlives it."""
    lack: OSError | None = None
    """If this machine had no socket to give; likewise."""


_attempt: ContextVar[Attempt] = ContextVar("attempt")


class Guard:
    """Opens sockets to public addresses, and to *allowed* networks.

    :raises ValueError: if one of *allowed* is no network in CIDR notation
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = [ip_network(network.strip()) for network in allowed]
        self._told = False

    def check(self, address: Address) -> None:
        """:raises BlockedAddress: if *address* may not be connected to"""
        reached = _ipv4_behind(address)
        if any(a in network for network in self.allowed for a in {address, reached}):
            return
        meaning = _why_not_public(reached)
        if meaning is not None:
            refusal = BlockedAddress(
                f"{address} is no public address ({meaning}); "
                f"to allow it: -s ALLOWED_NETWORKS={reached}"
            )
            if not self._told:  # once: a list may hold ten million of them
                logger.warning("Blocked: %s", refusal)
                self._told = True
            raise refusal

    @contextmanager
    def attempt(self, *, to_proxy: bool) -> Iterator[Attempt]:
        """Watch over the sockets that are opened within."""
        attempt = Attempt(to_proxy)
        token = _attempt.set(attempt)
        try:
            yield attempt
        finally:
            _attempt.reset(token)

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Return a socket for the address in *info*, as `socket.getaddrinfo` has it.

        For aiohttp's ``socket_factory``, within `attempt`.

        :raises PermissionError: if it may not be connected to
        """
        family, kind, protocol, _, where = info
        attempt = _attempt.get()
        if not attempt.to_proxy:
            try:
                self.check(ip_address(where[0].partition("%")[0]))
            except BlockedAddress as refusal:
                attempt.refusal = refusal
                raise PermissionError(errno.EACCES, str(refusal)) from refusal
        attempt.passed = True
        try:
            return socket.socket(family, kind, protocol)
        except OSError as error:
            attempt.lack = error
            raise


def literal_address(host: str) -> Address | None:
    """Return the address that *host* is written as, in any form that systems understand.

    127.0.0.1 may be written ``2130706433``, ``0x7f.1`` or ``0177.0.0.1``. None
    if *host* is a name.
    """
    host = host.removesuffix(".")
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(socket.inet_aton(host))
    except (ValueError, OSError):
        return None


def _ipv4_behind(address: Address) -> Address:
    for network in STANDS_FOR_IPV4:
        if address in network:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _why_not_public(address: Address) -> str | None:
    for network, meaning in NOT_PUBLIC.items():
        if address in network:
            return meaning
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return "not global unicast"
    return None
