"""Traffic that makes every kind of event."""

from __future__ import annotations

import asyncio
from typing import Any

from plugins.conversation_world import asserted, received, verified

ANA = verified("email", "ana@pineandpaper.example")
SIGNED_IN = (verified("site_user", "ana"), ANA, verified("visitor", "v1"))


async def all_kinds_of_traffic(outside: Any) -> None:
    """Messages on three channels, replies, notes, PATCHes, a handoff, a closing and a reopening, much of it at once."""
    added = await outside.hear(received("email", "How long?", ANA))
    url = f"/api/v1/threads/{added.threadid}"
    await outside.propose(added, "answer", "Three days.")
    await asyncio.gather(
        outside.hear(received("widget", "in the chat", *SIGNED_IN)),
        outside.hear(received("slack", "on Slack", verified("slack_user", "T/ana"), ANA, shared="#acme")),
        outside.hear(received("email", "I am Ana, too", asserted("email", ANA.value))),
        *(outside.hear(received("email", f"another {n}", verified("email", f"{n}@x.example"))) for n in range(5)),
        outside.api.post(f"{url}/messages", json={"text": "By hand"}),
        outside.api.post(f"{url}/messages", json={"text": "She is a VIP", "note": True}),
        outside.api.patch(url, json={"tags": ["vip"], "priority": "high"}),
    )
    await outside.api.patch(url, json={"status": "closed"})
    asked = await outside.hear(received("email", "One more thing", ANA))
    await outside.api.patch(url, json={"agent": "active", "assignee": None})
    asked = await outside.hear(received("email", "My lawyer says", ANA))
    await outside.propose(asked, "handoff", "A person will answer.", reason="Reserved", summary="Legal")
    await outside.wait(lambda: any(r.data.text == "A person will answer." for r in outside.requested))
