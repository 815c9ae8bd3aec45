"""Events are delivered at least once. What one changes is committed with a note of it, so that it happens once."""

from __future__ import annotations

REMEMBER = """insert into inbox (workspace_id, event_id, handled_at) values (%(workspace)s, %(event)s, now())
    on conflict do nothing returning event_id"""
"""No row: it was handled before."""
