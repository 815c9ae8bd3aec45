"""The folder that holds everything: data, secrets, and the lock that lets one runner in at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from onethread.local.errors import CannotStart

SPACE_NEEDED = 500 * 1024 * 1024
MEGABYTE = 1024 * 1024


def _token() -> str:
    return secrets.token_urlsafe(32)


GENERATED: Mapping[str, Callable[[], str]] = {
    "ONETHREAD_API_KEY": _token,
    "ONETHREAD_ADMIN_PASSWORD": lambda: secrets.token_urlsafe(9),  # a person types it
    "ONETHREAD_SLACK_BOT_TOKEN": lambda: f"xoxb-{secrets.token_hex(16)}",
    "ONETHREAD_SLACK_SIGNING_SECRET": lambda: secrets.token_hex(16),
    "ONETHREAD_WIDGET_SECRET": _token,
    "ONETHREAD_REPLY_SECRET": _token,
    "ONETHREAD_SESSION_SECRET": _token,
    "ONETHREAD_SECRET": _token,
}


def home_folder(environment: Mapping[str, str], offset: int) -> Path:
    """ONETHREAD_HOME, or the usual place for data. Copies with different port offsets never share the default."""
    if given := environment.get("ONETHREAD_HOME"):
        return Path(given).expanduser().absolute()
    name = f"onethread-{offset}" if offset else "onethread"
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support" / name.capitalize()
    if data := environment.get("XDG_DATA_HOME"):
        return Path(data) / name
    # Root's own home is closed to the user that the database runs as.
    return (Path("/var/lib") if os.geteuid() == 0 else Path.home() / ".local/share") / name


def make_home(home: Path) -> None:
    """Creates the folder, and checks that it can be written to and has room."""
    try:
        if not home.exists():
            home.mkdir(parents=True)
            home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        probe = home / ".probe"
        probe.write_bytes(b"written")
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"Cannot write to {home} ({error.strerror}): free it, or point ONETHREAD_HOME to another folder."
        ) from None
    free = shutil.disk_usage(home).free
    if free < SPACE_NEEDED:
        raise CannotStart(
            f"The disk of {home} has {free // MEGABYTE} MB left, but {SPACE_NEEDED // MEGABYTE} MB are needed: "
            "make room, or point ONETHREAD_HOME to another disk."
        )


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Holds the home's lock. The system lets go of it however this process ends."""
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(
                f"Onethread already runs from {home} (process {lock.read().strip() or 'unknown'}): stop that one, "
                "or give this one its own ONETHREAD_HOME and ONETHREAD_PORT_OFFSET."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def kept_secrets(home: Path) -> dict[str, str]:
    """Every secret in `secrets.env`; what is missing there is made up and added."""
    file = home / "secrets.env"
    kept: dict[str, str] = {}
    if file.exists():
        lines = (line.strip() for line in file.read_text().splitlines())
        kept = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    missing = {name: make() for name, make in GENERATED.items() if not kept.get(name)}
    if missing:
        kept |= missing
        _write_privately(file, "".join(f"{name}={value}\n" for name, value in kept.items()))
    return kept


def _write_privately(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
