"""Which addresses of the network may be asked: public ones, and those that the operator allows."""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# The address that a NAT64 gateway asks is in the last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Nothing else of IPv6 is given out to anyone.
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")
# Not all of these are known as special to every Python that we run on. 6to4 and Teredo carry an IPv4 address through
# routers of strangers; nobody serves a help centre there.
_SPECIAL = "0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 224.0.0.0/3 2001::/23 2002::/16 3fff::/20"
_REFUSED = tuple(ipaddress.ip_network(network) for network in _SPECIAL.split())


def reason_to_refuse(text: str, allowed: Sequence[Network] = ()) -> str | None:
    """Why the address may not be asked, in words; None for one that may. `text` is what a resolver answers."""
    try:
        address = _inner(ipaddress.ip_address(text))
    except ValueError:
        return "it is not an address"
    if any(address in network for network in allowed):
        return None
    given_out = address.version == 4 or address in _GIVEN_OUT  # noqa: PLR2004 its own name
    if not given_out or not address.is_global or any(address in network for network in _REFUSED):
        return "it is private, or reserved"
    return None


def _inner(address: Address) -> Address:
    """The IPv4 address that is meant by an IPv6 one. A zone is never public: `fe80::1%eth0`."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
