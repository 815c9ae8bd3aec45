"""The certificate for STARTTLS, read anew when its files change."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

log = structlog.get_logger()


class Certificate:
    """Raises OSError (`ssl.SSLError` is one) for files that are no certificate with its key."""

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain, self._key = chain, key
        self._seen = self._state()
        self._context = self._load()

    @property
    def context(self) -> ssl.SSLContext:
        """Of now. While new files cannot be used, half written or wrong, the old certificate stays."""
        try:
            if (state := self._state()) != self._seen:
                self._context, self._seen = self._load(), state
                log.info("certificate.renewed")
        except OSError as error:
            log.warning("certificate.not_renewed", error=type(error).__name__)
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain, self._key)
        return context

    def _state(self) -> list[tuple[int, int, int]]:
        stats = (self._chain.stat(), self._key.stat())
        return [(stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats]
