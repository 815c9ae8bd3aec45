"""What this channel can do, as data."""

from typing import Final

from onethread.contracts.messages import ChannelKind

KIND: Final[ChannelKind] = "widget"
LONGEST_TEXT = 8_000
"""Characters of one message."""
LARGEST_FRAME = 32 * 1024
"""Bytes of one frame from a browser."""
ATTACHMENTS = False
"""Of customers. What teammates send comes: `onethread.contracts.files`."""
STREAMS = True
"""An answer appears as it is written."""
