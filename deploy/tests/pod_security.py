"""Kubernetes' Pod Security Standard "restricted" for Linux, and what we ask of a pod beyond it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator

from manifests import Object, Pod, quantity

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SECCOMP = {"RuntimeDefault", "Localhost"}
SELINUX = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}


def restricted(pod: Pod) -> Iterator[str]:
    """One sentence for each breach of the standard."""
    spec, context = pod.spec, pod.spec.get("securityContext", {})
    yield from (f"{pod.name}: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key))
    for volume in spec.get("volumes", []):
        if not (volume.keys() - {"name"}) <= VOLUMES:
            yield f"{pod.name}: volume {volume['name']} is of a kind that is not allowed"
    for sysctl in context.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"{pod.name}: sysctl {sysctl['name']}"
    for key, profile in pod.template.get("metadata", {}).get("annotations", {}).items():
        if key.startswith(APPARMOR) and not (profile == "runtime/default" or profile.startswith("localhost/")):
            yield f"{pod.name}: AppArmor is off"
    yield from _context(pod.name, context)
    for container in pod.containers:
        name = f"{pod.name}, container {container['name']}"
        own = container.get("securityContext", {})
        yield from _context(name, own)
        yield from _container(name, container, own)
        if not own.get("runAsNonRoot", context.get("runAsNonRoot")):
            yield f"{name}: runAsNonRoot is not true"
        if (own.get("seccompProfile") or context.get("seccompProfile", {})).get("type") not in SECCOMP:
            yield f"{name}: seccompProfile is not RuntimeDefault"


def _context(name: str, context: Object) -> Iterator[str]:
    """What neither a pod nor a container may ask for."""
    if context.get("runAsUser") == 0:
        yield f"{name}: runs as root"
    if context.get("runAsNonRoot") is False:
        yield f"{name}: may run as root"
    if context.get("seccompProfile", {}).get("type") == "Unconfined":
        yield f"{name}: seccomp is off"
    if context.get("appArmorProfile", {}).get("type") == "Unconfined":
        yield f"{name}: AppArmor is off"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"{name}: is a process of the host"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type") not in SELINUX or selinux.get("user") or selinux.get("role"):
        yield f"{name}: chooses its own SELinux label"


def _container(name: str, container: Object, context: Object) -> Iterator[str]:
    capabilities = context.get("capabilities", {})
    if context.get("privileged"):
        yield f"{name}: is privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation is not false"
    if "ALL" not in capabilities.get("drop", []):
        yield f"{name}: does not drop ALL capabilities"
    if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield f"{name}: adds capabilities"
    if context.get("procMount", "Default") != "Default":
        yield f"{name}: unmasks /proc"
    yield from (f"{name}: takes a port of its host" for port in container.get("ports", []) if port.get("hostPort"))
    hooks = [container.get(f"{kind}Probe", {}) for kind in ("startup", "readiness", "liveness")]
    hooks += container.get("lifecycle", {}).values()
    for hook in hooks:
        if any((hook.get(how) or {}).get("host") for how in ("httpGet", "tcpSocket")):
            yield f"{name}: a probe or hook names a host"


def hardened(pod: Pod) -> Iterator[str]:
    """Our own rules: nothing can be written but what is mounted for it, nothing is unbounded, no token lies about."""
    spec = pod.spec
    for key in ("automountServiceAccountToken", "enableServiceLinks"):
        if spec.get(key) is not False:
            yield f"{pod.name}: {key} is not false"
    if not spec.get("securityContext", {}).get("runAsUser"):
        yield f"{pod.name}: runAsUser is not said"
    for volume in spec.get("volumes", []):
        if "emptyDir" in volume and not (volume["emptyDir"] or {}).get("sizeLimit"):
            yield f"{pod.name}: the size of {volume['name']} has no limit"
    temporary = {volume["name"] for volume in spec.get("volumes", []) if "emptyDir" in volume}
    for container in pod.containers:
        name = f"{pod.name}, container {container['name']}"
        if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
            yield f"{name}: its root can be written to"
        if not any(m["mountPath"] == "/tmp" and m["name"] in temporary for m in container.get("volumeMounts", [])):
            yield f"{name}: has no /tmp of its own"
        yield from _bounded(name, container.get("resources", {}))
        tag = container["image"].partition("@")[0].rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in container["image"] and tag in {"", "latest"}:
            yield f"{name}: its image is not of a version"


def _bounded(name: str, resources: Object) -> Iterator[str]:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    missing = {"cpu", "memory"} - requests.keys()
    yield from (f"{name}: asks for no {what}" for what in sorted(missing))
    if "memory" not in limits:
        yield f"{name}: its memory has no limit"
    for what, value in [*requests.items(), *limits.items()]:
        if quantity(value) is None:
            yield f"{name}: {what} {value!r} is not a quantity"
    for what in requests.keys() & limits.keys():
        asked, limit = quantity(requests[what]), quantity(limits[what])
        if asked is not None and limit is not None and asked > limit:
            yield f"{name}: asks for more {what} than its limit"
