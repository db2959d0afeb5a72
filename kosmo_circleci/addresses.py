"""What a host's name or address says about where it is."""

import ipaddress
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def is_loopback(host: str) -> bool:
    """Say whether `host` (a name or an address, no port) is this machine."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def is_public(address: str) -> bool:
    """Say whether an IP address is reachable from the whole Internet; False for a name."""
    parsed = _address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = _embedded(parsed) or parsed
    return parsed is not None and parsed.is_global and not parsed.is_multicast


def is_address(host: str) -> bool:
    """Say whether `host` is an IP address and not a name."""
    return _address(host) is not None


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a gateway would pass packets on to: 6to4, NAT64.

    Source: RFC 3056, section 2; RFC 6052, section 2.1 (the well-known prefix).
    """
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
