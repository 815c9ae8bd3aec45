from __future__ import annotations

import pytest

from onethread.conversation.attempts import SECONDS, Attempts
from onethread.conversation.passwords import Passwords
from onethread.runtime.errors import Problem


@pytest.fixture
def cheap_passwords() -> None:
    """These are as they are in earnest."""


async def test_a_password_is_verified_against_its_argon2id_hash() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("a good password")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify(hashed, "a good password")
    assert not await passwords.verify(hashed, "a bad password")
    assert not await passwords.verify("", "a good password")
    assert not await passwords.verify("no hash", "a good password")


async def test_nobody_has_no_password_and_takes_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords()
    checked: list[str] = []

    def matches(password_hash: str, _: str) -> bool:
        checked.append(password_hash)
        return True

    monkeypatch.setattr(passwords, "_matches", matches)
    assert not await passwords.verify(None, "nobody")
    assert checked[0].startswith("$argon2id$")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_tries_are_limited_for_a_while_and_one_key_does_not_use_up_anothers() -> None:
    clock = Clock()
    attempts = Attempts(2, clock)
    for _ in range(2):
        attempts.take("ana")
    with pytest.raises(Problem) as refused:
        attempts.take("ana")
    assert refused.value.extra["retry_after"] == SECONDS
    attempts.take("mara")
    clock.now = SECONDS
    attempts.take("ana")


def test_a_try_that_was_right_does_not_count() -> None:
    attempts = Attempts(2)
    for _ in range(5):
        attempts.take("office")
        attempts.give_back("office")
    attempts.take("ana")
    attempts.forgive("ana")
    for key in ("ana", "ana"):
        attempts.take(key)
