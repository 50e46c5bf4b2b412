"""Which addresses a request may go to: public ones, and those that the project names."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NEVER_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # a public number, behind which a cloud keeps its own services
        "::/96", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
"""Loopback, private, shared, link-local (with the clouds' metadata), documentation, multicast, reserved. Source: IANA's special-purpose registries."""
_NAT64 = ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ip_network("2002::/16")


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation, or single addresses. Raises: ValueError naming the one that is none."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError as error:
            raise ValueError(
                f"{text!r} is no network; allowed are 10.1.0.0/16, 127.0.0.1, fd00::/8 and the like"
            ) from error
    return tuple(found)


def why_refused(text: str, allowed: Sequence[Network] = ()) -> str | None:
    """Why no request may go to an address, as a resolver gave it; None when one may."""
    address = parse_address(text)
    if address is None:
        return "it is no address"
    faces = _faces(address)
    if all(is_within(face, allowed) for face in faces) or is_within(address, allowed):
        return None
    for face in faces:
        if is_within(face, _NEVER_PUBLIC) or not (face.is_global or face in _NAT64):
            return f"{address} is private, local or reserved"
    return None


def is_allowed_private(text: str, allowed: Sequence[Network]) -> bool:
    """True for an address that the project names."""
    address = parse_address(text)
    return address is not None and (
        is_within(address, allowed) or all(is_within(face, allowed) for face in _faces(address))
    )


def parse_address(text: str) -> Address | None:
    """An address without its zone; None when it is none."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """True when one of the networks holds the address."""
    return any(address.version == network.version and address in network for network in networks)


def _faces(address: Address) -> tuple[Address, ...]:
    """The address, or what lies inside it: an IPv4 address in an IPv6 one goes to the IPv4 one in the end."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _SIX_TO_FOUR and address.sixtofour is not None:
        return (address, address.sixtofour)
    if address in _NAT64:
        return (address, IPv4Address(int(address) & 0xFFFFFFFF))
    return (address,)
