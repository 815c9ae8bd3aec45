"""Each pod reaches what it needs and nothing of the cluster's own, and only what is meant for the world is reached."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from manifests import Manifests, Pod
from network import may_ask, may_come
from rendering import DEPLOY, OVERLAYS, rendered

pytestmark = pytest.mark.kubectl
PUBLIC = ("203.0.113.7", "2001:db8::7")
OWN = ("10.20.1.2", "172.20.0.5", "192.168.1.1", "100.100.0.1", "fd00::1")
METADATA = ("169.254.169.254", "fe80::1")
OPEN = {"conversation": 8000, "gateway-widget": 8010, "gateway-slack": 8030, "gateway-email": 2525}
BY_PROVIDERS = ("gateway-email", 8020)
"""Where providers of mail post it."""
SMTP = (25, 465, 587)
ON_THE_BUS = [*OPEN, "agent", "knowledge", "provision"]


def pod(manifests: Manifests, name: str) -> Pod:
    return next(one for one in manifests.pods if one.workload["metadata"]["name"] == name)


def settings(manifests: Manifests) -> dict[str, str]:
    return next(one for one in manifests.of("ConfigMap") if one["metadata"]["name"] == "onethread")["data"]


def where(manifests: Manifests, server: str) -> str | Pod:
    """A server that the overlay brings, or the address of one that it does not."""
    return next((one for one in manifests.pods if one.workload["metadata"]["name"] == server), "10.96.0.9")


def tools_that_are_cut_off(manifests: Manifests) -> list[str]:
    """Of what the settings allow, what the policy of conversation does not let through."""
    said = settings(manifests)
    networks = [one for one in said["ONETHREAD_TOOL_NETWORKS"].split(",") if one]
    hosts = [*PUBLIC, *(one.partition("/")[0] for one in networks)]
    ports = [int(one) for one in said["ONETHREAD_TOOL_PORTS"].split(",")]
    ours = pod(manifests, "conversation")
    return [f"{host}:{port}" for host in hosts for port in ports if not may_ask(manifests, ours, host, port)]


@pytest.mark.parametrize("overlay", OVERLAYS)
class TestOverlay:
    @pytest.mark.parametrize("name", ON_THE_BUS)
    def test_each_reaches_the_bus_and_asks_for_names(self, overlay: str, name: str) -> None:
        manifests = rendered(overlay)
        port = urlsplit(settings(manifests)["NATS_URL"]).port
        assert port
        assert may_ask(manifests, pod(manifests, name), where(manifests, "nats"), port)
        assert may_ask(manifests, pod(manifests, name), "10.96.0.10", 53, "UDP")

    def test_the_database_is_reached_by_its_owner_alone(self, overlay: str) -> None:
        manifests = rendered(overlay)
        reach = [
            name for name in (*ON_THE_BUS, "migrate")
            if may_ask(manifests, pod(manifests, name), where(manifests, "postgres"), 5432)
        ]  # fmt: skip
        assert reach == ["conversation", "migrate"]

    def test_tools_reach_what_the_settings_allow_and_nothing_of_the_clusters_own(self, overlay: str) -> None:
        manifests = rendered(overlay)
        assert tools_that_are_cut_off(manifests) == []
        assert not [one for one in (*OWN, *METADATA) if may_ask(manifests, pod(manifests, "conversation"), one, 443)]

    def test_knowledge_reaches_websites_on_the_ports_of_its_settings(self, overlay: str) -> None:
        manifests = rendered(overlay)
        ports = map(int, settings(manifests)["ONETHREAD_KNOWLEDGE_ALLOWED_PORTS"].split(","))
        knowledge = pod(manifests, "knowledge")
        assert all(may_ask(manifests, knowledge, host, port) for port in ports for host in PUBLIC)
        assert not any(may_ask(manifests, knowledge, host, 80) for host in (*OWN, *METADATA))

    def test_the_agent_and_slacks_gateway_reach_their_providers_alone(self, overlay: str) -> None:
        manifests = rendered(overlay)
        for name in ("agent", "gateway-slack"):
            assert all(may_ask(manifests, pod(manifests, name), host, 443) for host in PUBLIC)
            assert not any(may_ask(manifests, pod(manifests, name), host, 443) for host in (*OWN, *METADATA))
        assert not may_ask(manifests, pod(manifests, "gateway-widget"), PUBLIC[0], 443)

    def test_mail_goes_to_a_relay_wherever_it_is(self, overlay: str) -> None:
        manifests = rendered(overlay)
        gateway = pod(manifests, "gateway-email")
        assert all(may_ask(manifests, gateway, host, port) for host in (*PUBLIC, OWN[0]) for port in SMTP)

    def test_the_world_reaches_what_is_meant_for_it(self, overlay: str) -> None:
        manifests = rendered(overlay)
        reached = {
            (one.workload["metadata"]["name"], port["containerPort"])
            for one in manifests.pods for container in one.containers for port in container.get("ports", [])
            if may_come(manifests, one, PUBLIC[0], port["containerPort"])
        }  # fmt: skip
        assert reached == {*OPEN.items(), BY_PROVIDERS}


# A check that has never caught anything proves nothing.


def without(overlay: str, name: str) -> Manifests:
    manifests = rendered(overlay)
    gone = ("NetworkPolicy", name)
    manifests.objects[:] = [one for one in manifests.objects if (one["kind"], one["metadata"]["name"]) != gone]
    return manifests


def test_a_service_without_its_policy_is_cut_off_and_without_any_it_reaches_everything() -> None:
    assert tools_that_are_cut_off(without("production", "conversation")) == ["203.0.113.7:443", "2001:db8::7:443"]
    unguarded = without("production", "every-pod")
    assert may_ask(unguarded, pod(unguarded, "provision"), OWN[0], 443)
    assert may_come(unguarded, pod(unguarded, "agent"), PUBLIC[0], 8040)


def test_an_own_network_of_tools_is_let_through_by_the_patch_that_production_shows(tmp_path: Path) -> None:
    for folder in ("base", "components", "overlays"):
        shutil.copytree(DEPLOY / folder, tmp_path / folder)
    production = tmp_path / "overlays/production"
    said = (production / "settings.yaml").read_text() + "  ONETHREAD_TOOL_NETWORKS: 10.20.0.0/16\n"
    (production / "settings.yaml").write_text(said)
    assert tools_that_are_cut_off(rendered(production)) == ["10.20.0.0:443"]
    shown = production / "kustomization.yaml"
    shown.write_text(re.sub("(?m)^#  ", "  ", shown.read_text()))
    patched = tmp_path / "overlays/patched"
    production.rename(patched)
    assert tools_that_are_cut_off(rendered(patched)) == []
