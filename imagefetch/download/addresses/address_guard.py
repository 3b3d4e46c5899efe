"""Allows connections to public addresses and to ALLOWED_NETWORKS only.

The check applies to the address that a socket is about to connect to. It can't be bypassed
by the notation of a URL, by what a name resolves to, or by DNS rebinding.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from imagefetch.errors import BlockedAddress

logger = logging.getLogger(__name__)

Address = IPv4Address | IPv6Address

# Networks that are not part of the public internet. Sources, as of 2025-10:
# https://www.iana.org/assignments/iana-ipv4-special-registry/
# https://www.iana.org/assignments/iana-ipv6-special-registry/
# https://www.iana.org/assignments/multicast-addresses/
# Special networks that IANA lists as globally reachable are left out, except
# those in 192.0.0.0/24 and 2001::/23, which are for protocols, not web sites.
NOT_PUBLIC = {
    ip_network(network): meaning
    for network, meaning in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private use",
        "100.64.0.0/10": "shared address space",
        "127.0.0.0/8": "loopback",
        # In a public range, but reachable from Azure's virtual machines only:
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

# All public IPv6 addresses (RFC 4291, section 2.4, and IANA's
# ipv6-unicast-address-assignments). Addresses with an embedded IPv4 address are outside.
GLOBAL_UNICAST = IPv6Network("2000::/3")

# Networks whose last 32 bits are the IPv4 address that packets are sent to:
# IPv4-mapped (RFC 4291, section 2.5.5.2) and NAT64 (RFC 6052, section 2.1).
# Behind NAT64, every public IPv4 host has such an address, too.
EMBEDDED_IPV4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


class Guard:
    """Allows public addresses, and those of *allowed* networks.

    :raises ValueError: if one of *allowed* is no network in CIDR notation
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = [ip_network(network.strip()) for network in allowed]
        self._warned = False

    def check(self, address: Address) -> None:
        """:raises BlockedAddress: if *address* may not be connected to"""
        target = _embedded_ipv4(address)
        if any(a in network for network in self.allowed for a in {address, target}):
            return
        meaning = _why_not_public(target)
        if meaning is not None:
            refusal = BlockedAddress(
                f"{address} is not a public address ({meaning}); "
                f"to allow it: -s ALLOWED_NETWORKS={target}"
            )
            if not self._warned:  # once: a list may contain ten million of them
                logger.warning("Blocked: %s", refusal)
                self._warned = True
            raise refusal

    def allowed_of(self, addresses: Iterable[str]) -> list[str]:
        """Return those of *addresses* that may be connected to.

        :raises BlockedAddress: if there are none
        """
        found, refusal = [], BlockedAddress("no address")
        for address in addresses:
            try:
                self.check(ip_address(address.partition("%")[0]))
            except BlockedAddress as error:
                refusal = error
            else:
                found.append(address)
        if not found:
            raise refusal
        return found


def literal_address(host: str) -> Address | None:
    """Return *host* as an address, in any notation that system resolvers accept.

    127.0.0.1 may be written ``2130706433``, ``0x7f.1`` or ``0177.0.0.1``. None
    if *host* is a name.
    """
    host = host.removesuffix(".")
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(socket.inet_aton(host))
    except (ValueError, OSError):
        return None


def _embedded_ipv4(address: Address) -> Address:
    for network in EMBEDDED_IPV4:
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
