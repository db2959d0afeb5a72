"""What a host's name or address says about where it is."""

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_loopback(host: str) -> bool:
    """Say whether `host` (a name or an address, no port) is this machine."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def is_public(address: str) -> bool:
    """Say whether an IP address is reachable from the whole Internet; False for a name."""
    parsed = _address(address)
    return parsed is not None and parsed.is_global and not parsed.is_multicast


def is_address(host: str) -> bool:
    """Say whether `host` is an IP address and not a name."""
    return _address(host) is not None


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
