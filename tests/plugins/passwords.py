"""Passwords that cost nothing: each start of conversation makes two hashes, and each would take a fifth of a second."""

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from onethread.conversation import passwords


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that wants them as they are in earnest has a fixture of this name that does nothing."""
    monkeypatch.setattr(passwords, "PasswordHasher", lambda: PasswordHasher.from_parameters(CHEAPEST))
