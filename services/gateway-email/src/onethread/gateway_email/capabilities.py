"""What this channel is and can do, as data."""

from __future__ import annotations

KIND = "email"
SERVICE = "gateway-email"
SOURCE = f"/{SERVICE}"
MAIL_BYTES = 25 * 1024 * 1024
TEXT_CHARACTERS = 200_000
"""As the contract has it. A longer text is refused: cutting it would lose words that nobody knows of."""
HTML_CHARACTERS = 1_000_000
"""Beyond this only the text is kept. It keeps an event under the 8 MB that one message on the bus may have."""
ANSWERED_IDS = 20
RECEIVED_HOPS = 100
"""RFC 5321 6.3: more `Received` lines than this is a loop."""
HEADER_BYTES = 256 * 1024
