"""Who is at the other end: networks, and the sender's address behind trusted proxies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from entrepot.intake.gateway.integration import Request

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORWARDED = b"x-forwarded-for"
_MOST_HOPS = 32


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks in CIDR notation, single addresses among them."""

    networks: tuple[Network, ...] = ()

    def holds(self, address: Address | None) -> bool:
        """True when the address lies in one of them."""
        return address is not None and any(address in network for network in self.networks)


def parse_networks(texts: Sequence[str]) -> Networks:
    """Read `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`. Raises: ValueError naming the text that is none."""
    return Networks(tuple(_parse_network(text) for text in texts))


def _parse_network(text: str) -> Network:
    try:
        network = ip_network(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no network; allowed are 192.0.2.7, 10.0.0.0/8, 2001:db8::/32") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError(f"{text!r} is an IPv4 network in IPv6 notation; write it as IPv4")
    return network


def parse_address(text: str) -> Address | None:
    """An address as proxies write it: with a port, in brackets, IPv4 within IPv6; None when it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def peer_address(request: Request) -> Address | None:
    """The other end of the connection itself; None when it has no address."""
    return parse_address(request.client)


def sender_address(request: Request, proxies: Networks) -> Address | None:
    """The sender's own address: the last one of X-Forwarded-For that no trusted proxy has; None when nobody can say.

    The header is believed only as far as trusted proxies wrote it: from its end, and only when the connection comes from one.
    """
    address = peer_address(request)
    if not proxies.holds(address):
        return address
    hops = [hop for name, value in request.headers if name == _FORWARDED for hop in value.split(b",")]
    for hop in reversed(hops[-_MOST_HOPS:]):
        address = parse_address(hop.decode("latin-1"))
        if not proxies.holds(address):
            return address  # None too: what stands before something unreadable cannot be believed
    return address
