"""A folder of a Git repository as a source: fetched by the `git` program, and read without ever being checked out.

Whoever owns the repository chooses what is in it, so nothing of it is run or followed: no work tree, and with it no
hooks, filters, links, LFS or submodules. The connection goes to the address that was checked, without redirects.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from onethread.knowledge.reading import File, format_of
from onethread.knowledge.sources import Page
from onethread.knowledge.sync_pass import Pass, SyncFailedError
from onethread.runtime.fetching import Guard, RefusedError, UnreachableError, normal

SECONDS = 300.0
BYTES = 500 * 1024**2
FILE_BYTES = 20 * 1024**2
FILES = 5_000
# The first that can be told which address a name has (`http.curloptResolve`): an older one would resolve it again.
OLDEST_GIT = (2, 37)
_TICK_SECONDS = 0.1
_QUIET = "-c http.lowSpeedLimit=1000 -c http.lowSpeedTime=30"
_HARDENED = (
    "-c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.symlinks=false -c credential.helper= -c http.proxy="
    f" -c http.followRedirects=false -c submodule.recurse=false -c gc.auto=0 -c maintenance.auto=false {_QUIET}"
    " -c protocol.allow=never"
).split()
_REASONS = (
    ("could not find remote branch", "it has no such branch"),
    ("remote branch", "it has no such branch"),
    ("not found", "there is no repository at this address, or it is private"),
    ("could not read username", "it is private"),
    ("authentication failed", "it is private"),
    ("certificate", "its certificate is not trusted"),
    ("returned error: 3", "its address redirects; use the one that it leads to"),
    ("returned error: 5", "its server answers with an error"),
    ("could not resolve", "its name is not known"),
    ("connect", "it refuses connections, or is away"),
)


@dataclass(frozen=True)
class _Entry:
    """A file in the repository; `blob` names its content."""

    path: str
    blob: str
    size: int


@dataclass(frozen=True)
class Repository:
    """One pass. `schemes` are those that git may use; `parent` is where the clone lies for the time of the pass."""

    on: Pass
    guard: Guard
    parent: Path
    schemes: frozenset[str] = frozenset({"https"})
    seconds: float = SECONDS
    size: int = BYTES

    def run(self) -> str | None:
        """Returns the commit that was read. Raises `SyncFailedError`."""
        source = self.on.source
        folder = str(source.options.get("folder") or "").strip("/")
        with tempfile.TemporaryDirectory(dir=self.parent, prefix="clone-") as place:
            clone = Path(place) / "clone.git"
            self._clone(source.location or "", source.options.get("branch"), clone)
            commit = self._git(clone, "rev-parse", "HEAD").decode().strip()
            if commit == source.mark and not any(page.state == "failed" for page in self.on.known().values()):
                return commit
            entries = list(_entries(self._git(clone, "ls-tree", "-r", "-l", "-z", "HEAD"), folder))
            if not entries:
                where = f"the folder {folder}" if folder else "it"
                raise SyncFailedError(f"There is no file in {where} that can be read. What was known is kept.")
            self._read(clone, entries, folder)
        return commit

    def _read(self, clone: Path, entries: list[_Entry], folder: str) -> None:
        self.on.found(len(entries))
        known = self.on.known()
        for entry in entries[:FILES]:
            self.on.rest()
            key = str(PurePosixPath(entry.path).relative_to(folder)) if folder else entry.path
            if entry.size > FILE_BYTES:
                self.on.fail(key, f"it is larger than {FILE_BYTES // 1024**2} MB")
                continue
            file = File(PurePosixPath(key).name, self._git(clone, "cat-file", "blob", entry.blob))
            reading = self.on.take(Page(key), file, known.get(key))
            if reading:
                self.on.put(reading)
        self.on.close(complete=len(entries) <= FILES)

    def _clone(self, location: str, branch: str | None, clone: Path) -> None:
        command = ["clone", "--bare", "--quiet", "--depth=1", "--single-branch", "--no-tags", "--no-recurse-submodules"]
        if branch:
            command.append(f"--branch={branch}")
        said = clone.parent / "said"
        with said.open("wb") as errors:  # not a pipe: a server that says much would fill it and hold git up
            process = subprocess.Popen(  # noqa: S603 our own arguments, and an address after `--`
                [_program(), *self._options(location), *command, "--", location, str(clone)],
                env=_environment(clone.parent),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
            try:
                self._watch(process, clone.parent)
            finally:
                _end(process)
        if process.returncode:
            text = said.read_text("utf-8", "replace").lower()
            reason = next((words for part, words in _REASONS if part in text), "git could not fetch it")
            raise SyncFailedError(f"The repository cannot be read: {reason}. What was known is kept.")

    def _watch(self, process: subprocess.Popen[bytes], place: Path) -> None:
        end = time.monotonic() + self.seconds
        while process.poll() is None:
            self.on.rest(_TICK_SECONDS)
            if time.monotonic() > end:
                raise SyncFailedError(f"Fetching it took longer than {self.seconds / 60:.0f} minutes.")
            if _size(place) > self.size:
                raise SyncFailedError(f"The repository is larger than {self.size // 1024**2} MB.")

    def _options(self, location: str) -> list[str]:
        """Checks the address, and ties git to what was checked."""
        if urlsplit(location).scheme not in self.schemes:
            raise SyncFailedError("Only https addresses of repositories are used. What was known is kept.")
        try:
            parts = urlsplit(normal(location))
            port = parts.port or (443 if parts.scheme == "https" else 80)
            host = parts.hostname or ""
            addresses = self.guard.addresses(host, port)
        except (RefusedError, UnreachableError) as error:
            raise SyncFailedError(f"The repository cannot be read: {error}. What was known is kept.") from error
        tied = f"http.curloptResolve={host}:{port}:{','.join(f'[{a}]' if ':' in a else a for a in addresses)}"
        allowed = [part for scheme in sorted(self.schemes) for part in ("-c", f"protocol.{scheme}.allow=always")]
        return [*_HARDENED, "-c", tied, *allowed]

    def _git(self, clone: Path, *arguments: str) -> bytes:
        done = subprocess.run(  # noqa: S603 our own arguments
            [_program(), *_HARDENED, f"--git-dir={clone}", *arguments],
            env=_environment(clone.parent),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=self.seconds,
            check=False,
        )
        if done.returncode:
            raise SyncFailedError("The repository is damaged. What was known is kept.")
        return done.stdout


def _entries(listing: bytes, folder: str) -> Iterator[_Entry]:
    """Plain files that a reader takes. Symbolic links and submodules are other kinds of entries."""
    for line in listing.split(b"\0"):
        about, _, name = line.partition(b"\t")
        fields = about.split()
        path = name.decode("utf-8", "replace")
        inside = not folder or path.startswith(f"{folder}/")
        if len(fields) == 4 and fields[0] in {b"100644", b"100755"} and inside and format_of(path):  # noqa: PLR2004
            yield _Entry(path, fields[2].decode(), int(fields[3]))


def _program() -> str:
    program = shutil.which("git")
    if program is None:
        raise SyncFailedError("The program git is not installed on the server. What was known is kept.")
    said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    version = tuple(int(n) for n in said.stdout.split()[2].split(".")[:2])
    if version < OLDEST_GIT:
        raise SyncFailedError(f"The program git on the server is older than {OLDEST_GIT[0]}.{OLDEST_GIT[1]}.")
    return program


def _environment(home: Path) -> dict[str, str]:
    """Nothing of ours: no settings, no keys, no proxies."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """With its children: git fetches in a second process."""
    if process.poll() is None:
        os.killpg(process.pid, 9)
    process.wait()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # git renames what it has received
            continue
    return total
