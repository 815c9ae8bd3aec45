"""Where whole mails are kept: a folder, or a bucket that speaks S3. What is kept is still there after a power cut."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from onethread.runtime.bus import FullError, UnavailableError

if TYPE_CHECKING:
    from obstore.store import ClientConfig

UNFINISHED = ".unfinished"
UNFINISHED_SECONDS = 3600.0
"""Nobody writes this long at one mail: what is older was left by a process that ended."""
FULL = {errno.ENOSPC, errno.EDQUOT}
S3_SECONDS = timedelta(seconds=20)
"""For one mail, every try counted: servers that bring mail wait for minutes, people who look at one do not."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    at: float
    """When it was kept, in seconds since 1970."""


class Store(Protocol):
    """Names have folders, with `/`. Each method raises UnavailableError when the store is away."""

    async def keep(self, name: str, content: bytes) -> None:
        """Returns when it is durable. What has the name already stays as it is."""
        ...

    async def read(self, name: str) -> bytes | None: ...

    async def remove(self, name: str) -> None:
        """Nothing is wrong when it is gone already."""
        ...

    def entries(self, folder: str) -> AsyncIterator[Entry]:
        """What is in the folder and in those below it."""
        ...

    async def tidy(self) -> None:
        """Removes what processes that ended did not finish. No sender was told that it is kept."""
        ...


def store_at(where: str) -> Store:
    """`where`: `s3://bucket/folder`, or the path of a folder."""
    return Bucket(where) if where.startswith("s3://") else Folder(Path(where))


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    async def keep(self, name: str, content: bytes) -> None:
        await self._do(_keep, self._root, self._root / name, content)

    async def read(self, name: str) -> bytes | None:
        return await self._do(_read, self._root / name)

    async def remove(self, name: str) -> None:
        await self._do(_remove, self._root / name)

    async def entries(self, folder: str) -> AsyncIterator[Entry]:
        files, folders = await self._do(_listed, self._root / folder)
        for path, at in files:
            yield Entry(path.relative_to(self._root).as_posix(), at)
        for below in folders:
            async for entry in self.entries(below.relative_to(self._root).as_posix()):
                yield entry

    async def tidy(self) -> None:
        files, _ = await self._do(_listed, self._root / UNFINISHED)
        for path, at in files:
            if at < time.time() - UNFINISHED_SECONDS:
                await self._do(_remove, path)

    async def _do(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(work, *given, **named)
        except OSError as error:
            kind = FullError if error.errno in FULL else UnavailableError
            raise kind(f"the folder of mails, {self._root}, can't be used: {error.strerror}") from error


class Bucket:
    """Address, keys and region are those of the environment, `AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID` and their like."""

    def __init__(self, url: str) -> None:
        self._url = url
        # Plain HTTP happens only where the endpoint says `http://`, as it does within one machine.
        client: ClientConfig = {"timeout": S3_SECONDS, "allow_http": True}
        self.store = S3Store.from_url(
            url, client_options=client, retry_config={"retry_timeout": S3_SECONDS, "max_retries": 3}
        )

    async def keep(self, name: str, content: bytes) -> None:
        await self._do(self.store.put_async(name, content, mode="create", use_multipart=False), AlreadyExistsError)

    async def read(self, name: str) -> bytes | None:
        return await self._do(self._content(name), FileNotFoundError)

    async def remove(self, name: str) -> None:
        await self._do(self.store.delete_async(name), FileNotFoundError)

    async def entries(self, folder: str) -> AsyncIterator[Entry]:
        chunks = self.store.list(folder or None)
        while chunk := await self._do(anext(chunks, None)):
            for one in chunk:
                yield Entry(one["path"], one["last_modified"].timestamp())

    async def tidy(self) -> None:
        """A bucket has a mail whole or not at all."""

    async def _content(self, name: str) -> bytes:
        return bytes(await (await self.store.get_async(name)).bytes_async())

    async def _do(self, asked: Awaitable[T], *harmless: type[Exception]) -> T | None:
        try:
            return await asked
        except harmless:
            return None
        except (BaseError, OSError) as error:
            what = f"the bucket of mails, {self._url}, can't be used: {type(error).__name__}"
            raise UnavailableError(what) from error


def read_object(url: str, most: int) -> bytes:
    """What somebody else put there, in a thread of its own. Raises UnavailableError."""
    bucket, _, name = url.removeprefix("s3://").partition("/")
    try:
        found = Bucket(f"s3://{bucket}").store.get(name)
        if found.meta["size"] > most:
            raise UnavailableError(f"{url} has more than {most} bytes")
        return bytes(found.bytes())
    except (BaseError, OSError, ValueError) as error:  # a name with `..` in it is none
        raise UnavailableError(f"{url} can't be read: {type(error).__name__}") from error


def _keep(root: Path, path: Path, content: bytes) -> None:
    """Whole or not at all: written aside, on disk, then named, and the name on disk."""
    if not path.exists():
        unfinished = _folder(root / UNFINISHED)
        handle, written = tempfile.mkstemp(dir=unfinished)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _folder(path.parent)
            Path(written).rename(path)
        except BaseException:
            _remove(Path(written))
            raise
    _sync(path.parent)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir(exist_ok=True)
        _sync(path.parent)
    return path


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _listed(folder: Path) -> tuple[list[tuple[Path, float]], list[Path]]:
    files: list[tuple[Path, float]] = []
    folders: list[Path] = []
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        for one in found:
            if one.is_dir():
                if one.name != UNFINISHED:
                    folders.append(Path(one.path))
            else:
                with suppress(FileNotFoundError):  # another replica was quicker to remove it
                    files.append((Path(one.path), one.stat().st_mtime))
    return sorted(files), sorted(folders)
