"""What the network policies of rendered manifests let through, as a cluster reads them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from manifests import Manifests, Object, Pod


def may_ask(manifests: Manifests, pod: Pod, to: str | Pod, port: int, protocol: str = "TCP") -> bool:
    """`to`: an address, or a pod, which must let it in."""
    if not _passes(_policies(manifests, pod, "Egress"), "egress", "to", to, port, protocol):
        return False
    return not isinstance(to, Pod) or may_come(manifests, to, pod, port)


def may_come(manifests: Manifests, pod: Pod, who: str | Pod, port: int) -> bool:
    return _passes(_policies(manifests, pod, "Ingress"), "ingress", "from", who, port, "TCP")


def _policies(manifests: Manifests, pod: Pod, kind: str) -> list[Object]:
    specs = [policy["spec"] for policy in manifests.of("NetworkPolicy")]
    return [spec for spec in specs if kind in spec["policyTypes"] and _selected(spec["podSelector"], pod)]


def _passes(policies: list[Object], way: str, peers: str, peer: str | Pod, port: int, protocol: str) -> bool:
    """Without a policy everything passes; with some, what one of them names."""
    return not policies or any(
        _is_port(rule.get("ports"), port, protocol)
        and (not rule.get(peers) or any(_is(one, peer) for one in rule[peers]))
        for rule in _rules(policies, way)
    )


def _rules(policies: list[Object], way: str) -> Iterator[Object]:
    for policy in policies:
        yield from policy.get(way) or []


def _is_port(ports: list[Object] | None, port: int, protocol: str) -> bool:
    return not ports or any(one["port"] == port and one.get("protocol", "TCP") == protocol for one in ports)


def _is(named: Object, peer: str | Pod) -> bool:
    if isinstance(peer, Pod):
        return "podSelector" in named and _selected(named["podSelector"], peer)
    block = named.get("ipBlock")
    address = ipaddress.ip_address(peer)
    return (
        bool(block)
        and _within(address, block["cidr"])
        and not any(_within(address, o) for o in block.get("except", []))
    )


def _within(address: Any, network: str) -> bool:
    return address in ipaddress.ip_network(network)


def _selected(selector: Object, pod: Pod) -> bool:
    labels = selector.get("matchLabels", {})
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions), "the one operator that is known here"
    return labels.items() <= pod.labels.items() and all(
        pod.labels.get(one["key"]) in one["values"] for one in expressions
    )
