"""`onethread up`: everything on this machine, from the checks before the start to the table at the end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from onethread.local.console import Console
from onethread.local.errors import CannotStart
from onethread.local.home import home_folder, kept_secrets, make_home, only_one
from onethread.local.leash import Leash
from onethread.local.ports import port_offset, require_free
from onethread.local.postgres import database_url, postgres
from onethread.local.program import Probe, Program, nats_answers, postgres_answers
from onethread.local.servers import nats, nats_url
from onethread.local.services import (
    JOBS,
    NATS_PORT,
    PLAYGROUND,
    POSTGRES_PORT,
    SIX,
    Service,
    Surroundings,
    compact_program,
    job_programs,
    ports_of,
    service_programs,
)
from onethread.local.supervisor import Supervisor

ANSWER_SECONDS = 20.0
INTERRUPTED = 130
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 what a listening address is reached by
HELP_CENTRE = Path(__file__).parents[4] / "playground" / "help-centre"
WITH_THE_PLAYGROUND = {
    "ONETHREAD_TRUSTED_RELAYS": "127.0.0.0/8,::1/128",
    "ONETHREAD_TRUSTED_AUTHSERV_ID": "onethread.localhost",
    "ONETHREAD_KNOWLEDGE_DIR": str(HELP_CENTRE),
}


def up(
    services: Sequence[Service] = SIX,
    playground: Service | None = PLAYGROUND,
    jobs: Mapping[str, tuple[str, ...]] = JOBS,
    parent: int | None = None,
) -> int:
    """Runs until stopped and returns the exit code. Raises CannotStart when something is missing or in the way."""
    given = os.environ
    everything = [*services, *([playground] if playground else [])]
    needed = _own_servers(given) | ports_of(everything)
    offset = port_offset(given.get("ONETHREAD_PORT_OFFSET", ""), max(needed))
    listen = given.get("ONETHREAD_HOST") or "127.0.0.1"
    home = home_folder(given, offset)
    make_home(home)
    with only_one(home):
        require_free(listen, {port + offset: name for port, name in needed.items()}, offset)
        around = Surroundings(home, EVERYWHERE.get(listen, listen), offset, service_environment(given, home, offset))
        console, leash = Console(verbose=given.get("ONETHREAD_LOG_LEVEL", "").lower() == "debug"), Leash()
        tiers = [
            *_server_tiers(given, around, leash, console),
            job_programs(jobs, around),
            _service_tier(services, playground, around),
        ]
        supervisor = Supervisor([tier for tier in tiers if tier], console, leash)
        asyncio.run(supervisor.run(lambda: console.show(_table(around)), lambda: _left_alone(console, parent)))
        console.say("Stopped. The data are kept.")
        # Of a recipe that ends well after a Ctrl-C, `just` says that it was interrupted, as an error.
        announced = parent and console.terminal and supervisor.interrupted
        return INTERRUPTED if supervisor.killed or announced else 0


def _left_alone(console: Console, parent: int | None) -> bool:
    """`just` waits for us when its terminal closes, and when it is killed we would not hear of it."""
    return console.has_lost_its_terminal() or parent not in {None, os.getppid()}


def _own_servers(given: Mapping[str, str]) -> dict[int, str]:
    own = {NATS_PORT: ("nats", "NATS_URL"), POSTGRES_PORT: ("postgres", "DATABASE_URL")}
    return {port: name for port, (name, variable) in own.items() if not given.get(variable)}


def service_environment(given: Mapping[str, str], home: Path, offset: int) -> dict[str, str]:
    """What every service gets: the person's own variables first, then the kept secrets and the local defaults."""
    defaults = {
        **kept_secrets(home),
        **WITH_THE_PLAYGROUND,
        "ONETHREAD_ADMIN_EMAIL": "admin@onethread.localhost",
        "NATS_URL": nats_url(NATS_PORT + offset),
        "DATABASE_URL": database_url(POSTGRES_PORT + offset),
        "PYTHONUNBUFFERED": "1",
    }
    chosen = {name: value for name, value in given.items() if value or name not in defaults}
    fixed = {"ONETHREAD_HOME": str(home), "ONETHREAD_PORT_OFFSET": str(offset)}
    both = defaults | chosen | fixed
    both.pop("ONETHREAD_PORT", None)  # one port for all cannot be meant
    return both


def _server_tiers(
    given: Mapping[str, str], around: Surroundings, leash: Leash, console: Console
) -> list[list[Program]]:
    """One tier each, so that the bus ends before the database. Servers that were given must answer."""
    tiers: list[list[Program]] = []
    if url := given.get("DATABASE_URL"):
        _require_answer("DATABASE_URL", url, postgres_answers(url.replace("+psycopg", "", 1)), console)
    else:
        if not (around.home / "postgres").exists():
            console.say("Making a new database.")
        tiers.append([postgres(around.home, POSTGRES_PORT + around.offset, leash)])
    if url := given.get("NATS_URL"):
        _require_answer("NATS_URL", url, nats_answers(url), console)
    else:
        tiers.append([nats(around.home, NATS_PORT + around.offset)])
    return tiers


def _require_answer(name: str, url: str, answers: Probe, console: Console) -> None:
    where = ",".join(urlsplit(one).netloc.rpartition("@")[2] for one in url.split(","))
    end = time.monotonic() + ANSWER_SECONDS
    if answers():
        return
    console.say(f"Waiting for {where} ({name}).")
    while not answers():
        if time.monotonic() > end:
            raise CannotStart(f"Nothing usable answers at {where}: start that server, or unset {name}.")
        time.sleep(0.5)


def _service_tier(services: Sequence[Service], playground: Service | None, around: Surroundings) -> list[Program]:
    compact = around.environment.get("ONETHREAD_COMPACT", "") not in {"", "0", "false"}
    programs = [compact_program(services, around)] if compact else service_programs(services, around)
    return programs + (service_programs([playground], around) if playground else [])


def _table(around: Surroundings) -> str:
    password = around.environment["ONETHREAD_ADMIN_PASSWORD"]
    if os.environ.get("ONETHREAD_ADMIN_PASSWORD"):
        password = "(your ONETHREAD_ADMIN_PASSWORD)"  # noqa: S105 it is not one
    inbox = SIX[0].port
    return f"""
  Onethread is running.

    Playground   {around.url(PLAYGROUND.port)}    be the customer: chat, mail, Slack
    Inbox        {around.url(inbox)}    {around.environment["ONETHREAD_ADMIN_EMAIL"]}  {password}
    API          {around.url(inbox, "/api/docs")}
    Data         {around.home}

  Ctrl-C stops it and keeps the data.
"""
