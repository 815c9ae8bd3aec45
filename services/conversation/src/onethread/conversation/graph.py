"""Who may change the graph of customers and threads, and who only adds to it.

Messages that come in share the workspace's graph. A merge, a split or a move has it alone, so that nobody adds to a
thread or a customer while it is being rearranged. Take it first, before any other lock.
"""

from __future__ import annotations

SHARED = "select pg_advisory_xact_lock_shared(hashtextextended(%s, 2))"
ALONE = "select pg_advisory_xact_lock(hashtextextended(%s, 2))"
