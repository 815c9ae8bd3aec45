"""Names in manifests that must lead somewhere. A cluster takes them all, and fails later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from manifests import Manifests, Object, Pod, quantity, selects

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def references(rendered: Manifests) -> Iterator[str]:
    """One sentence for each name that leads nowhere."""
    yield from _unique(rendered)
    yield from _selectors(rendered)
    yield from _services(rendered)
    for pod in rendered.pods:
        yield from _volumes(rendered, pod)
        yield from _environment(rendered, pod)
        yield from _probes(pod)
        account = pod.spec.get("serviceAccountName")
        if account not in rendered.names("ServiceAccount"):
            yield f"{pod.name}: there is no ServiceAccount {account}"


def _unique(rendered: Manifests) -> Iterator[str]:
    namespaces = rendered.names("Namespace")
    seen = Counter((thing["kind"], thing["metadata"]["name"]) for thing in rendered.objects)
    yield from (f"{kind} {name} is there {count} times" for (kind, name), count in seen.items() if count > 1)
    for thing in rendered.objects:
        if thing["kind"] != "Namespace" and thing["metadata"].get("namespace") not in namespaces:
            yield f"{thing['kind']} {thing['metadata']['name']} is not in a rendered namespace"


def _selectors(rendered: Manifests) -> Iterator[str]:
    for pod in rendered.pods:
        selector = pod.workload["spec"].get("selector", {}).get("matchLabels", {})
        if pod.serves and [other for other in rendered.pods if selects(selector, other)] != [pod]:
            yield f"{pod.name}: its selector does not pick its own pods alone"
        for spread in pod.spec.get("topologySpreadConstraints", []):
            if not selects(spread.get("labelSelector", {}).get("matchLabels", {}), pod):
                yield f"{pod.name}: spreads over pods that are not its own"
    for budget in rendered.of("PodDisruptionBudget"):
        if not any(selects(budget["spec"]["selector"]["matchLabels"], pod) for pod in rendered.pods):
            yield f"PodDisruptionBudget {budget['metadata']['name']} protects nothing"


def _services(rendered: Manifests) -> Iterator[str]:
    for service in rendered.of("Service"):
        name, spec = f"Service {service['metadata']['name']}", service["spec"]
        behind = [pod for pod in rendered.pods if selects(spec.get("selector", {}), pod)]
        if len(behind) != 1:
            yield f"{name} leads to {len(behind)} workloads"
        for port in spec.get("ports", []):
            if any(port.get("targetPort") not in pod.port_names for pod in behind):
                yield f"{name}: port {port.get('name')} leads to {port.get('targetPort')}, which no container names"
    for pod in rendered.pods:
        governing = pod.workload["spec"].get("serviceName")
        if pod.workload["kind"] == "StatefulSet" and governing not in rendered.names("Service"):
            yield f"{pod.name}: there is no Service {governing}"


def _volumes(rendered: Manifests, pod: Pod) -> Iterator[str]:
    claims = pod.workload["spec"].get("volumeClaimTemplates", [])
    for claim in claims:
        if quantity(claim["spec"]["resources"]["requests"]["storage"]) is None:
            yield f"{pod.name}: the size of {claim['metadata']['name']} is not a quantity"
    volumes = pod.spec.get("volumes", [])
    known = {claim["metadata"]["name"] for claim in claims} | {volume["name"] for volume in volumes}
    for container in pod.containers:
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in known:
                yield f"{pod.name}: there is no volume {mount['name']}"
    for volume in volumes:
        for key, kind, said in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            if key in volume and rendered.keys(kind, volume[key].get(said)) is None:
                yield f"{pod.name}: there is no {kind} {volume[key].get(said)}"
        if "emptyDir" in volume and quantity((volume["emptyDir"] or {}).get("sizeLimit", "0")) is None:
            yield f"{pod.name}: the size of {volume['name']} is not a quantity"


def _environment(rendered: Manifests, pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        for source in container.get("envFrom", []):
            for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if key in source and rendered.keys(kind, source[key]["name"]) is None:
                    yield f"{pod.name}: there is no {kind} {source[key]['name']}"
        for entry in container.get("env", []):
            yield from _entry(rendered, pod, entry)


def _entry(rendered: Manifests, pod: Pod, entry: Object) -> Iterator[str]:
    for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if reference := entry.get("valueFrom", {}).get(key):
            keys = rendered.keys(kind, reference["name"])
            if keys is None or reference["key"] not in keys:
                yield f"{pod.name}: {entry['name']} wants {reference['key']} of {kind} {reference['name']}"


def _probes(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        names = {port.get("name") for port in container.get("ports", [])}
        for probe in PROBES:
            port = container.get(probe, {}).get("httpGet", {}).get("port")
            if port is not None and port not in names:
                yield f"{pod.name}: its {probe} asks on {port}, which it does not name"
