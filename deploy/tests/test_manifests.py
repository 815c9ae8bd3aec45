"""Each overlay renders, is valid, and holds what we promise. No cluster is asked: what one would find, these find."""

from __future__ import annotations

import copy
import importlib
import os
import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml
from lifecycle import lifecycle
from manifests import Manifests, Object, Pod
from network import may_ask, may_come
from pod_security import hardened, restricted
from references import references
from rendering import DEPLOY, OVERLAYS, rendered

from onethread.gateway_email.smtp.server import DRAIN_SECONDS as MAIL_DRAIN_SECONDS
from onethread.runtime import bus, in_hand, leaving
from onethread.runtime.serve import DRAIN_SECONDS
from onethread.runtime.settings import Settings

SERVICES = sorted(path.name for path in (DEPLOY.parent / "services").iterdir() if (path / "pyproject.toml").exists())
KUBERNETES = "1.37"
BUS_SECONDS = bus.DRAIN_SECONDS + in_hand.CANCEL_SECONDS + leaving.LISTEN_SECONDS
DRAIN = DRAIN_SECONDS + MAIL_DRAIN_SECONDS + BUS_SECONDS
READ_BY_JOBS = {"ONETHREAD_NATS_REPLICAS"}
OF_NO_CLUSTER = {"ONETHREAD_HOST", "ONETHREAD_PORT_OFFSET", "ONETHREAD_HOME", "ONETHREAD_KNOWLEDGE_DIR"}
"""The image says the first; the others are for one machine, but for knowledge's home, which is its disk."""
OF_COMPONENTS = {"ONETHREAD_SMTP_CERTIFICATE", "ONETHREAD_SMTP_KEY", "ONETHREAD_LMTP_PORT", "ONETHREAD_SMTP_PORT"}
"""In `mail-starttls` and `mail-lmtp`. The port that the world's mail comes in by is a Service's."""
NOWHERE_UNLESS_SAID = {
    "llm_url", "llm_model", "otlp_endpoint", "embedding_provider", "embedding_model", "embedding_url",
    "embedding_query_prefix", "embedding_passage_prefix", "chroma_url",
}  # fmt: skip
SECRET = "xoxb-a-secret-of-enough-length"
URLS = {
    "ONETHREAD_IMAP_URL": "imaps://user:password@imap.example",
    "DATABASE_URL": "postgresql://somebody@database/onethread",
    "ONETHREAD_SMTP_URL": "smtps://relay.example.com",
}

pytestmark = pytest.mark.kubectl


def problems(manifests: Manifests) -> Iterator[str]:
    yield from references(manifests)
    for pod in manifests.pods:
        yield from restricted(pod)
        yield from hardened(pod)
        if pod.serves and pod.workload["metadata"]["name"] in SERVICES:
            yield from lifecycle(pod, DRAIN)


def pod_of(manifests: Manifests, service: str) -> Pod:
    return next(pod for pod in manifests.pods if pod.workload["metadata"]["name"] == service)


def settings_class(service: str) -> type[Settings]:
    module = importlib.import_module(f"onethread.{service.replace('-', '_')}.settings")
    own = (thing for thing in vars(module).values() if isinstance(thing, type) and thing.__module__ == module.__name__)
    return next(thing for thing in own if issubclass(thing, Settings))


def settings_in(manifests: Manifests, service: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The service's settings as they are read in its pod."""
    container = pod_of(manifests, service).spec["containers"][0]
    environment = manifests.environment(container, SECRET)
    environment |= {name: URLS[name] for name in environment.keys() & URLS.keys()}
    monkeypatch.setattr(os, "environ", {"ONETHREAD_HOST": "0.0.0.0"} | environment)
    return settings_class(service).load()


@pytest.mark.parametrize("overlay", OVERLAYS)
class TestOverlay:
    def test_is_valid_for_the_newest_kubernetes(self, overlay: str) -> None:
        for thing in rendered(overlay).objects:
            kubernetes_validate.validate(thing, KUBERNETES, strict=True)

    def test_holds_every_rule(self, overlay: str) -> None:
        assert list(problems(rendered(overlay))) == []

    def test_runs_all_services_and_both_jobs(self, overlay: str) -> None:
        names = {pod.workload["metadata"]["name"] for pod in rendered(overlay).pods}
        assert names >= {*SERVICES, "migrate", "provision"}

    def test_refuses_pods_that_are_not_restricted(self, overlay: str) -> None:
        (namespace,) = rendered(overlay).of("Namespace")
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

    def test_contains_no_secret(self, overlay: str) -> None:
        assert list(rendered(overlay).of("Secret")) == []

    @pytest.mark.parametrize("service", SERVICES)
    def test_gives_each_service_its_settings(self, overlay: str, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert local_addresses(settings_in(rendered(overlay), service, monkeypatch)) == []

    @pytest.mark.parametrize("service", SERVICES)
    def test_listens_on_the_documented_port(self, overlay: str, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
        manifests = rendered(overlay)
        pod, default = pod_of(manifests, service), settings_class(service).default_port
        ports = {port["name"]: port["containerPort"] for port in pod.spec["containers"][0]["ports"]}
        assert ports["http"] == default == settings_in(manifests, service, monkeypatch).listen_port
        assert [port_of(manifests, service, "http")] == [default]

    def test_mail_comes_in_on_25(self, overlay: str) -> None:
        manifests = rendered(overlay)
        ports = {
            port["name"]: port["containerPort"]
            for c in pod_of(manifests, "gateway-email").containers
            for port in c["ports"]
        }
        assert (port_of(manifests, "gateway-email-smtp", "smtp"), ports["smtp"]) == (25, 2525)

    def test_sets_nothing_that_nobody_reads(self, overlay: str) -> None:
        manifests = rendered(overlay)
        known = READ_BY_JOBS | {variable for service in SERVICES for variable in variables(settings_class(service))}
        said = {n for pod in manifests.pods for c in pod.containers for n in manifests.environment(c, SECRET)}
        assert {name for name in said if name.startswith("ONETHREAD_")} <= known

    @pytest.mark.parametrize("service", ["conversation", "agent", "knowledge", "gateway-email"])
    def test_names_every_setting_that_a_service_reads(self, overlay: str, service: str) -> None:
        manifests = rendered(overlay)
        said = {*manifests.environment(pod_of(manifests, service).spec["containers"][0], SECRET), *offered()}
        assert variables(settings_class(service)) - said <= OF_NO_CLUSTER | OF_COMPONENTS

    def test_knowledge_is_one_process_with_a_disk(self, overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
        manifests = rendered(overlay)
        workload = pod_of(manifests, "knowledge").workload
        folder = settings_in(manifests, "knowledge", monkeypatch).folder
        mounts = workload["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        claimed = {claim["metadata"]["name"] for claim in workload["spec"]["volumeClaimTemplates"]}
        assert (workload["kind"], workload["spec"]["replicas"]) == ("StatefulSet", 1)
        assert any(mount["name"] in claimed and folder.is_relative_to(mount["mountPath"]) for mount in mounts)

    def test_every_replica_of_the_mail_gateway_finds_every_mail(
        self, overlay: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        manifests = rendered(overlay)
        (claim,) = manifests.of("PersistentVolumeClaim")
        workload = pod_of(manifests, "gateway-email").workload
        spec = workload["spec"]["template"]["spec"]
        (volume,) = [one["name"] for one in spec["volumes"] if claim["metadata"]["name"] in str(one)]
        mounts = [mount for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == volume]
        folder = settings_in(manifests, "gateway-email", monkeypatch).mails_at
        assert any(folder.startswith(f"{mount['mountPath']}/") for mount in mounts)
        assert workload["spec"]["replicas"] == 1 or claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_mails_in_s3_need_no_disk_and_hold_every_rule() -> None:
    manifests = rendered(DEPLOY / "tests" / "mails-in-s3")
    assert list(problems(manifests)) == []
    assert not list(manifests.of("PersistentVolumeClaim"))
    gateway = pod_of(manifests, "gateway-email")
    environment = manifests.environment(gateway.spec["containers"][0], SECRET)
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= environment.keys()
    assert may_ask(manifests, gateway, "203.0.113.7", 443)
    assert not may_ask(manifests, gateway, "169.254.169.254", 443)


def test_a_certificate_and_lmtp_hold_every_rule() -> None:
    manifests = rendered(DEPLOY / "tests" / "mail-server")
    assert list(problems(manifests)) == []
    gateway = pod_of(manifests, "gateway-email")
    environment = manifests.environment(gateway.spec["containers"][0], SECRET)
    folder = next(m["mountPath"] for m in gateway.spec["containers"][0]["volumeMounts"] if m["name"] == "tls")
    assert environment["ONETHREAD_SMTP_CERTIFICATE"] == f"{folder}/tls.crt"
    assert environment["ONETHREAD_SMTP_KEY"] == f"{folder}/tls.key"
    named = {port["name"]: port["containerPort"] for port in gateway.spec["containers"][0]["ports"]}
    assert environment["ONETHREAD_LMTP_PORT"] == str(named["lmtp"])
    assert port_of(manifests, "gateway-email-lmtp", "lmtp") == 24
    assert not may_come(manifests, gateway, "203.0.113.7", named["lmtp"])
    assert not may_come(manifests, gateway, pod_of(manifests, "agent"), named["lmtp"])
    assert may_come(manifests, gateway, "203.0.113.7", named["smtp"])


@pytest.mark.parametrize("service", ["conversation", "agent", "knowledge", "gateway-email"])
def test_what_production_offers_to_be_said_is_what_holds_where_it_is_not_said(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = settings_class(service).model_fields
    unsaid = settings_in(rendered("production"), service, monkeypatch)
    for name, value in offered().items():
        monkeypatch.setenv(name, value)
    said = settings_class(service).load()
    differing = {name for name in fields if getattr(said, name) != getattr(unsaid, name)}
    assert differing <= NOWHERE_UNLESS_SAID


def offered() -> dict[str, str]:
    """The lines of production's settings that only need to be uncommented."""
    text = (DEPLOY / "overlays/production/settings.yaml").read_text()
    lines = [line.replace("# ", "", 1) for line in text.splitlines() if re.match("  # [A-Z_]+: ", line)]
    return yaml.safe_load("\n".join(lines))


def port_of(manifests: Manifests, service: str, name: str) -> int:
    (found,) = [thing for thing in manifests.of("Service") if thing["metadata"]["name"] == service]
    return next(port["port"] for port in found["spec"]["ports"] if port["name"] == name)


def local_addresses(settings: Settings) -> list[str]:
    """The settings that fell back to this machine, where in a pod there is nobody."""
    own = [name for name in dir(type(settings)) if not name.startswith(("_", "model_"))]
    derived = [name for name in own if isinstance(getattr(type(settings), name), property)]
    return [name for name in derived if "127.0.0.1" in str(getattr(settings, name))]


def variables(settings: type[Settings]) -> set[str]:
    return {str(field.validation_alias or f"ONETHREAD_{name.upper()}") for name, field in settings.model_fields.items()}


# A check that has never caught anything proves nothing: here each line that matters is taken away or bent.

MATTERS = (
    *(f"securityContext.{key}" for key in ("runAsNonRoot", "runAsUser", "seccompProfile")),
    *("automountServiceAccountToken", "enableServiceLinks", "terminationGracePeriodSeconds", "serviceAccountName"),
    *("topologySpreadConstraints", "volumes.0.emptyDir.sizeLimit"),
    *(f"containers.0.securityContext.{key}" for key in ("allowPrivilegeEscalation", "readOnlyRootFilesystem")),
    *(f"containers.0.{key}" for key in ("securityContext.capabilities", "volumeMounts", "lifecycle", "ports")),
    *(f"containers.0.{key}" for key in ("startupProbe", "readinessProbe", "livenessProbe")),
    *(f"containers.0.resources.{key}" for key in ("requests", "requests.cpu", "limits", "limits.memory")),
)
BENT = {
    "hostNetwork": True,
    "hostPID": True,
    "serviceAccountName": "somebody",
    "terminationGracePeriodSeconds": 30,
    "securityContext.runAsUser": 0,
    "securityContext.seccompProfile.type": "Unconfined",
    "volumes.0": {"name": "tmp", "hostPath": {"path": "/"}},
    "volumes.0.emptyDir.sizeLimit": "100zz",
    "containers.0.image": "onethread/agent:latest",
    "containers.0.ports.0.hostPort": 80,
    "containers.0.ports.0.name": "web",
    "containers.0.resources.requests.cpu": "100zz",
    "containers.0.resources.requests.memory": "1Ti",
    "containers.0.securityContext.privileged": True,
    "containers.0.securityContext.runAsNonRoot": False,
    "containers.0.securityContext.capabilities.add": ["SYS_ADMIN"],
    "containers.0.securityContext.capabilities.drop": ["KILL"],
    "containers.0.livenessProbe.httpGet.path": "/readyz",
    "containers.0.livenessProbe.httpGet.host": "169.254.169.254",
    "containers.0.lifecycle.preStop.sleep.seconds": 0,
    "containers.0.volumeMounts.0.name": "nowhere",
    "containers.0.envFrom.0.configMapRef.name": "nowhere",
    "containers.0.env.1.valueFrom.secretKeyRef.key": "NOWHERE",
    "containers.0.env.1.valueFrom.secretKeyRef.name": "nowhere",
}
ELSEWHERE = (
    ("Deployment", "spec.selector.matchLabels", {"app.kubernetes.io/part-of": "onethread"}),
    ("Deployment", "spec.strategy.rollingUpdate.maxUnavailable", 1),
    ("Deployment", "metadata.namespace", "elsewhere"),
    ("Service", "spec.selector", {"app.kubernetes.io/name": "nobody"}),
    ("Service", "spec.ports.0.targetPort", "web"),
    ("PodDisruptionBudget", "spec.selector.matchLabels", {"app.kubernetes.io/name": "nobody"}),
    ("ServiceAccount", "metadata.name", "nobody"),
    ("ConfigMap", "metadata.name", "nothing"),
)


def parent_of(thing: Any, path: str) -> tuple[Any, Any]:
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        thing = thing[step]
    return thing, last


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", MATTERS)
def test_a_line_that_is_taken_away_is_missed(service: str, path: str) -> None:
    manifests = rendered("production")
    parent, last = parent_of(pod_of(manifests, service).spec, path)
    del parent[last]
    assert list(problems(manifests))


@pytest.mark.parametrize("path", BENT)
def test_a_line_that_is_bent_is_seen(path: str) -> None:
    manifests = rendered("production")
    parent, last = parent_of(pod_of(manifests, "agent").spec, path)
    parent[last] = BENT[path]
    assert list(problems(manifests))


@pytest.mark.parametrize(("kind", "path", "value"), ELSEWHERE)
def test_a_name_that_leads_nowhere_is_seen(kind: str, path: str, value: object) -> None:
    manifests = rendered("production")
    parent, last = parent_of(next(manifests.of(kind)), path)
    parent[last] = value
    assert list(problems(manifests))


def test_two_things_of_one_name_are_seen() -> None:
    manifests = rendered("production")
    manifests.objects.append(copy.deepcopy(manifests.objects[-1]))
    assert list(problems(manifests))


def test_a_service_that_looks_for_the_bus_in_its_own_pod_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = rendered("production")
    del next(manifests.of("ConfigMap"))["data"]["NATS_URL"]
    assert local_addresses(settings_in(manifests, "agent", monkeypatch)) == ["nats"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_secret_that_is_not_handed_on_is_missed(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    required = {
        f"ONETHREAD_{name.upper()}"
        for name, field in settings_class(service).model_fields.items()
        if field.is_required()
    }
    assert required
    for variable in required:
        manifests = rendered("production")
        container: Object = pod_of(manifests, service).spec["containers"][0]
        container["env"] = [entry for entry in container["env"] if entry["name"] != variable]
        with monkeypatch.context() as patch, pytest.raises(SystemExit, match=variable):
            settings_in(manifests, service, patch)
