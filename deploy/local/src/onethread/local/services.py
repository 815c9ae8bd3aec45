"""What runs on this machine, as data: the services, their ports, and the two jobs before them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onethread.local.program import Program, http_answers

NATS_PORT, POSTGRES_PORT, MAILBOX_PORT = 4222, 5433, 2526


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    module: str
    port: int
    """HTTP, with `/readyz` and `/healthz`."""
    other_ports: tuple[int, ...] = ()


SIX = (
    Service("conversation", "onethread.conversation", 8000),
    Service("gateway-widget", "onethread.gateway_widget", 8010),
    Service("gateway-email", "onethread.gateway_email", 8020, (2525,)),
    Service("gateway-slack", "onethread.gateway_slack", 8030),
    Service("agent", "onethread.agent", 8040),
    Service("knowledge", "onethread.knowledge", 8050),
)
PLAYGROUND = Service("playground", "onethread.playground", 8080, (MAILBOX_PORT,))
JOBS: Mapping[str, tuple[str, ...]] = {
    "migrate": (sys.executable, str(Path(sys.executable).with_name("onethread-migrate"))),
    "provision": (sys.executable, "-m", "onethread.runtime.provision"),
}
UVICORN_CHATTER = (
    "Started server process",
    "Waiting for application",
    "Application startup complete",
    "Uvicorn running on",
    "Shutting down",
    "Application shutdown complete",
    "Finished server process",
)
COMPACT = "onethread.local.compact"


def ports_of(services: Sequence[Service]) -> dict[int, str]:
    """Default port to the name of who listens there."""
    return {port: service.name for service in services for port in (service.port, *service.other_ports)}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every program on this machine has in common."""

    home: Path
    host: str
    """Where the services are reached, also when they listen everywhere."""
    offset: int
    environment: Mapping[str, str]

    def url(self, port: int, path: str = "") -> str:
        """`port` is a default port, without the offset."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port + self.offset}{path}"


def service_programs(services: Sequence[Service], around: Surroundings) -> list[Program]:
    return [_program(service.name, service.module, [service], around) for service in services]


def compact_program(services: Sequence[Service], around: Surroundings) -> Program:
    """All of `services` in one process."""
    return _program("services", COMPACT, services, around)


def job_programs(jobs: Mapping[str, tuple[str, ...]], around: Surroundings) -> list[Program]:
    return [Program(name, command, environment=around.environment, job=True) for name, command in jobs.items()]


def _program(name: str, module: str, services: Sequence[Service], around: Surroundings) -> Program:
    ready = [http_answers(around.url(service.port, "/readyz")) for service in services]
    alive = [http_answers(around.url(service.port, "/healthz")) for service in services]
    return Program(
        name=name,
        command=(sys.executable, "-m", module),
        environment=around.environment,
        ready=lambda: all(probe() for probe in ready),
        alive=lambda: all(probe() for probe in alive),
        chatter=UVICORN_CHATTER,
    )
