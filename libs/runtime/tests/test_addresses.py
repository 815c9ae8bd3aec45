import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from onethread.runtime.addresses import reason_to_refuse

PRIVATE = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")]
PRIVATE += [ipaddress.ip_network(n) for n in ("169.254.0.0/16", "100.64.0.0/10", "224.0.0.0/4", "0.0.0.0/8")]


def inside(network):
    first = int(network.network_address)
    return some.integers(first, first + network.num_addresses - 1).map(ipaddress.IPv4Address)


private = some.one_of(*map(inside, PRIVATE))
FORMS = {
    "plain": str,
    "mapped": lambda a: f"::ffff:{a}",
    "mapped in hex": lambda a: str(ipaddress.IPv6Address(0xFFFF_0000_0000 | int(a))),
    "compatible": lambda a: str(ipaddress.IPv6Address(int(a))),
    "6to4": lambda a: str(ipaddress.IPv6Address((0x2002 << 112) | int(a) << 80 | 1)),
    "NAT64": lambda a: str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | int(a))),
    "local NAT64": lambda a: str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b:1::")) | int(a))),
    "Teredo": lambda a: str(ipaddress.IPv6Address((0x20010000 << 96) | int(a))),
}


@given(address=private, form=some.sampled_from(sorted(FORMS)))
def test_a_private_address_is_refused_in_whatever_form_it_comes(address, form):
    assert reason_to_refuse(FORMS[form](address))


CARRIERS = [ipaddress.ip_network("::ffff:0:0/96"), ipaddress.ip_network("64:ff9b::/96")]


@given(some.ip_addresses(v=4) | some.ip_addresses(v=6))
def test_what_python_calls_private_is_never_asked(address):
    if any(address in carrier for carrier in CARRIERS):
        return  # judged by the address that they carry
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_link_local:
        assert reason_to_refuse(str(address))


@given(some.text(max_size=60))
def test_what_is_no_address_is_refused_without_an_error(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        assert reason_to_refuse(text)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700:4700::1111", "64:ff9b::5db8:d822", "::ffff:8.8.8.8"])
def test_a_public_address_may_be_asked(address):
    assert reason_to_refuse(address) is None


@pytest.mark.parametrize("address", ["::1", "::", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1", "fd00:ec2::254"])
def test_special_addresses_of_ipv6_are_refused(address):
    assert reason_to_refuse(address)


def test_an_operator_may_allow_own_networks_and_nothing_beside_them():
    own = [ipaddress.ip_network("10.20.0.0/16")]
    assert reason_to_refuse("10.20.3.4", own) is None
    assert reason_to_refuse("::ffff:10.20.3.4", own) is None
    assert reason_to_refuse("10.21.0.1", own)
    assert reason_to_refuse("127.0.0.1", own)
