"""Probes, draining and rolling: a pod of a service is replaced without losing what it had in hand."""

from __future__ import annotations

from collections.abc import Iterator

from manifests import Object, Pod

PATHS = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
PRE_STOP = 5


def lifecycle(pod: Pod, drain: float) -> Iterator[str]:
    """`drain` is how long the service may take to stop after SIGTERM, in seconds."""
    container = pod.spec["containers"][0]
    for probe, path in PATHS.items():
        if container.get(probe, {}).get("httpGet") != {"path": path, "port": "http"}:
            yield f"{pod.name}: its {probe} does not ask {path}"
    sleep = _sleep(container)
    if sleep < PRE_STOP:
        yield f"{pod.name}: stops before the traffic to it has stopped"
    if pod.spec.get("terminationGracePeriodSeconds", 30) <= sleep + drain:
        yield f"{pod.name}: is killed before it has drained"
    if not pod.spec.get("topologySpreadConstraints"):
        yield f"{pod.name}: its replicas may all be on one node"
    rolling = pod.workload["spec"].get("strategy", {}).get("rollingUpdate", {})
    if pod.workload["kind"] == "Deployment" and rolling.get("maxUnavailable") != 0:
        yield f"{pod.name}: a rolling update takes pods away before others are there"


def _sleep(container: Object) -> float:
    return container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
