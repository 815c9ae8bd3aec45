"""What rendered manifests hold: their workloads, pods and references, found by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Object = dict[str, Any]
WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|[MGTPE]|[KMGTPE]i)?")
SCALE = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000)}
SCALE |= {letter: Decimal(1000) ** power for power, letter in enumerate("MGTPE", 2)}
SCALE |= {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)}


@dataclass(frozen=True)
class Pod:
    """The pod of one workload."""

    workload: Object
    template: Object

    @property
    def name(self) -> str:
        return f"{self.workload['kind']} {self.workload['metadata']['name']}"

    @property
    def spec(self) -> Object:
        return self.template["spec"]

    @property
    def labels(self) -> dict[str, str]:
        return self.template.get("metadata", {}).get("labels", {})

    @property
    def containers(self) -> list[Object]:
        kinds = ("initContainers", "containers", "ephemeralContainers")
        return [container for kind in kinds for container in self.spec.get(kind, [])]

    @property
    def serves(self) -> bool:
        """Whether it is meant to run for ever."""
        return self.workload["kind"] not in {"Job", "CronJob"}

    @property
    def port_names(self) -> set[str]:
        return {port["name"] for c in self.containers for port in c.get("ports", []) if "name" in port}


@dataclass(frozen=True)
class Manifests:
    """`external` holds the keys of each Secret that the cluster has already."""

    objects: list[Object]
    external: Mapping[str, set[str]]

    def of(self, *kinds: str) -> Iterator[Object]:
        return (thing for thing in self.objects if thing["kind"] in kinds)

    @property
    def pods(self) -> list[Pod]:
        return [Pod(workload, _template(workload)) for workload in self.of(*WORKLOADS)]

    def names(self, kind: str) -> set[str]:
        return {thing["metadata"]["name"] for thing in self.of(kind)}

    def keys(self, kind: str, name: str) -> set[str] | None:
        """Of a ConfigMap or Secret, rendered or external; None when there is none."""
        if kind == "Secret" and name in self.external:
            return set(self.external[name])
        for thing in self.of(kind):
            if thing["metadata"]["name"] == name:
                return {key for part in ("data", "stringData", "binaryData") for key in thing.get(part) or {}}
        return None

    def environment(self, container: Object, secret: str) -> dict[str, str]:
        """What the process sees; `secret` stands for each value that is not in the manifests."""
        seen: dict[str, str] = {}
        for source in container.get("envFrom", []):
            for thing in self.of("ConfigMap"):
                if thing["metadata"]["name"] == source.get("configMapRef", {}).get("name"):
                    seen |= thing["data"]
        return seen | {entry["name"]: entry.get("value", secret) for entry in container.get("env", [])}


def quantity(text: object) -> Decimal | None:
    """In cores or bytes; None when Kubernetes could not read it."""
    found = QUANTITY.fullmatch(str(text))
    return Decimal(found[1]) * SCALE[found[2] or ""] if found else None


def selects(selector: Mapping[str, str], pod: Pod) -> bool:
    return bool(selector) and selector.items() <= pod.labels.items()


def _template(workload: Object) -> Object:
    spec = workload["spec"]
    return spec["jobTemplate"]["spec"]["template"] if workload["kind"] == "CronJob" else spec["template"]
