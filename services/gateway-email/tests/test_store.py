"""Both stores, a folder and a bucket, keep what they are given."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from onethread.gateway_email.storage.store import UNFINISHED, Folder, Store, store_at
from onethread.runtime.bus import FullError, UnavailableError

MAIL = b"From: ann@customer.example\r\n\r\nHi\r\n"
NAME = "local/abc/one.mail"


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return store_at(str(tmp_path / "home" / "mails"))
    request.getfixturevalue("s3")
    return store_at(f"s3://mails/{tmp_path.name}")


async def names(store: Store, folder: str = "") -> list[str]:
    return [entry.name async for entry in store.entries(folder)]


def unfinished(root: Path) -> list[Path]:
    return list((root / UNFINISHED).iterdir())


async def test_what_is_kept_is_read_as_it_was(store: Store):
    await store.keep(NAME, MAIL)
    assert await store.read(NAME) == MAIL
    assert await names(store) == await names(store, "local") == await names(store, "local/abc") == [NAME]


async def test_what_is_not_there_is_nothing(store: Store):
    assert await store.read(NAME) is None
    assert await names(store) == await names(store, "local") == []
    await store.remove(NAME)


async def test_the_first_keeps_the_name(store: Store):
    await store.keep(NAME, MAIL)
    await store.keep(NAME, b"another")
    assert await store.read(NAME) == MAIL


async def test_what_is_removed_is_gone_and_the_rest_is_there(store: Store):
    await store.keep(NAME, MAIL)
    await store.keep("local/abd/two.mail", MAIL)
    await store.keep("localhost/abc/three.mail", MAIL)
    await store.remove(NAME)
    assert await store.read(NAME) is None
    assert await names(store, "local") == ["local/abd/two.mail"]
    assert sorted(await names(store)) == ["local/abd/two.mail", "localhost/abc/three.mail"]


async def test_when_it_was_kept_is_known(store: Store):
    await store.keep(NAME, MAIL)
    [entry] = [entry async for entry in store.entries("local")]
    assert abs(entry.at - time.time()) < 5


async def test_a_mail_of_25_mb_is_kept(store: Store):
    large = os.urandom(1024) * 25 * 1024
    await store.keep(NAME, large)
    assert await store.read(NAME) == large


async def test_a_bucket_that_is_not_there_says_so(s3: str):
    gone = store_at("s3://nowhere/x")
    with pytest.raises(UnavailableError, match="the bucket of mails, s3://nowhere/x, can't be used"):
        await gone.keep(NAME, MAIL)
    with pytest.raises(UnavailableError):
        await names(gone)


async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError, match=r"can.t be used: File exists"):
        await Folder(tmp_path / "file").keep(NAME, MAIL)


async def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Folder(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(FullError, match="No space left on device"):
            await store.keep(NAME, MAIL)
    assert await store.read(NAME) is None
    assert unfinished(tmp_path) == []
    await store.keep(NAME, MAIL)
    assert await store.read(NAME) == MAIL


async def test_what_a_dead_process_did_not_finish_is_tidied_away_and_what_is_being_written_stays(tmp_path: Path):
    store = Folder(tmp_path)
    await store.keep(NAME, MAIL)
    left, fresh = tmp_path / UNFINISHED / "left", tmp_path / UNFINISHED / "fresh"
    left.write_bytes(MAIL[:5])
    fresh.write_bytes(MAIL[:5])
    os.utime(left, (0, 0))
    await store.tidy()
    assert (left.exists(), fresh.exists()) == (False, True)
    assert await names(store) == [NAME]


async def test_a_mail_is_on_disk_before_it_is_named_and_the_name_before_it_is_kept(tmp_path: Path, monkeypatch):
    on_disk: list[int] = []
    fsync, rename = os.fsync, Path.rename

    def watched_fsync(handle: int) -> None:
        fsync(handle)
        on_disk.append(os.fstat(handle).st_ino)

    def watched_rename(self: Path, to: Path) -> Path:
        assert self.stat().st_ino in on_disk
        on_disk.clear()
        return rename(self, to)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "rename", watched_rename)
    await Folder(tmp_path).keep(NAME, MAIL)
    assert on_disk == [(tmp_path / NAME).parent.stat().st_ino]
