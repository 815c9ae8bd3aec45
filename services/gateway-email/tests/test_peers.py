from __future__ import annotations

import pytest

from onethread.gateway_email.smtp.peers import (
    TOO_FAST,
    TOO_MANY,
    TOO_MANY_WRONG,
    WINDOW_SECONDS,
    WRONG_A_MINUTE,
    Bounds,
    Peers,
    networks,
)

STRANGER, RELAY = "203.0.113.9", "10.1.2.3"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def peers(clock: Clock) -> Peers:
    return Peers(Bounds(connections=6, connections_each=2, mails_a_minute=3), networks("10.0.0.0/8"), clock)


def test_a_mail_server_has_so_many_connections_and_a_place_is_free_when_one_ends(peers: Peers):
    assert [peers.come(STRANGER) for _ in range(3)] == [None, None, TOO_MANY]
    peers.go(STRANGER)
    assert peers.come(STRANGER) is None


def test_all_together_have_so_many_connections_relays_of_ours_too(peers: Peers):
    assert [peers.come(RELAY) for _ in range(7)] == [None] * 6 + [TOO_MANY]
    assert (peers.connections, peers.servers) == (6, 1)


def test_a_mail_server_brings_so_many_mails_a_minute(peers: Peers, clock: Clock):
    assert [peers.mail(STRANGER) for _ in range(4)] == [None, None, None, TOO_FAST]
    assert peers.mail("198.51.100.7") is None, "each has its own"
    clock.now += WINDOW_SECONDS
    assert peers.mail(STRANGER) is None


def test_a_relay_of_ours_brings_the_mail_of_many(peers: Peers):
    assert {peers.mail(RELAY) for _ in range(100)} == {None}


def test_whoever_looked_for_addresses_waits_a_minute(peers: Peers, clock: Clock):
    for _ in range(WRONG_A_MINUTE):
        peers.wrong(STRANGER)
    assert peers.come(STRANGER) == TOO_MANY_WRONG
    clock.now += WINDOW_SECONDS
    assert peers.come(STRANGER) is None


def test_one_network_of_ipv6_is_one_mail_server(peers: Peers):
    assert [peers.come(f"2001:db8::{n}") for n in (1, 2, 3)] == [None, None, TOO_MANY]
    assert peers.come("2001:db8:0:1::1") is None


def test_an_ipv4_address_in_ipv6_is_that_address(peers: Peers):
    assert peers.is_known("::ffff:10.1.2.3")
    assert [peers.come(a) for a in (STRANGER, f"::ffff:{STRANGER}", STRANGER)] == [None, None, TOO_MANY]


def test_no_bound_is_no_bound(clock: Clock):
    free = Peers(Bounds(0, 0, 0), (), clock)
    assert {free.come(STRANGER) for _ in range(50)} | {free.mail(STRANGER) for _ in range(50)} == {None}


def test_nothing_is_remembered_of_those_who_left(peers: Peers, clock: Clock):
    peers.come(STRANGER)
    peers.mail(STRANGER)
    peers.go(STRANGER)
    clock.now += WINDOW_SECONDS
    peers.mail(RELAY)
    assert STRANGER not in str(vars(peers))
