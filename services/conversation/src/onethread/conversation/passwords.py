"""Passwords as argon2id hashes."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

AT_ONCE = 2
"""Each takes 64 MB while it is computed: a crowd at the login must not take the memory of the whole service."""


class Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash("nobody")
        self._limiter: CapacityLimiter | None = None

    async def hash(self, password: str) -> str:
        return await to_thread.run_sync(self._hasher.hash, password, limiter=self._turns())

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Without a hash it takes as long, and is false: the time of the answer tells nobody who is known here."""
        matches = await to_thread.run_sync(
            self._matches, password_hash or self._nobody, password, limiter=self._turns()
        )
        return matches and bool(password_hash)

    def _turns(self) -> CapacityLimiter:
        self._limiter = self._limiter or CapacityLimiter(AT_ONCE)  # it belongs to the loop that runs
        return self._limiter

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (Argon2Error, InvalidHashError):
            return False
