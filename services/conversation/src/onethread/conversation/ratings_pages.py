"""The pages behind the links of our mails. They need no script.

Mail scanners follow links, so that opening one changes nothing; its buttons do. A mail program that is asked to
unsubscribe posts by itself (RFC 8058).
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from onethread.contracts.envelope import CloudEvent
from onethread.contracts.replies import Feedback, FeedbackReceived
from onethread.conversation import threads
from onethread.conversation.mail_links import Link
from onethread.conversation.proofs_api import page
from onethread.runtime.bus import UnavailableError

pages = APIRouter(prefix="/mail", include_in_schema=False)
"""For whoever holds a link."""
Token = Annotated[str, Path(max_length=300)]
COMMENT_CHARACTERS = 2_000
BODY_BYTES = 20_000
GRADES = {5: "Very good", 4: "Good", 3: "So-so", 2: "Bad", 1: "Very bad"}

ASK = "".join(f'<button name="score" value="{score}">{words}</button>' for score, words in GRADES.items())
RATE = f'<form method="post">{ASK}</form>'
THANKS = """<p>It is kept. Do you want to tell us why?</p>
<form method="post"><input type="hidden" name="score" value="{score}">
<label for="comment">Your words, which people read</label>
<textarea id="comment" name="comment" rows="4" maxlength="2000"></textarea>
<button>Send</button></form>"""
TOLD = "<p>People read what you wrote. You can close this page.</p>"
STOP = """<p>We then ask you no more by mail how our help was. Answers to what you write to us still come.</p>
<form method="post"><button>Do not ask me again</button></form>"""
STOPPED = "<p>We ask you no more. Answers to what you write to us still come. You can close this page.</p>"
STOP_UNSEEN = """<p>We then mail you no more what you missed in the chat. It still stands there, and answers to your
own mails still come.</p>
<form method="post"><button>Do not mail me that</button></form>"""
STOPPED_UNSEEN = "<p>What you miss in the chat waits for you there. You can close this page.</p>"
OVER = "<p>The link is cut off, or too old. If you want to tell us something, answer our mail.</p>"
AWAY = "<p>Nothing was kept. Please go back and try again in a minute.</p>"


@pages.get("/{token}")
async def show(token: Token, request: Request) -> HTMLResponse:
    link = await _link(request, token)
    if link is None:
        return page("This link no longer holds", OVER, 410)
    if link.kind == "rate":
        return page("How was our help?", RATE)
    return page("No more of these mails?", STOP if link.kind == "off" else STOP_UNSEEN)


@pages.post("/{token}")
async def act(token: Token, request: Request) -> HTMLResponse:
    link = await _link(request, token)
    if link is None:
        return page("This link no longer holds", OVER, 410)
    if link.kind != "rate":
        await request.app.state.ratings.stop(link.workspace, link.about)
        return page("Done", STOPPED if link.kind == "off" else STOPPED_UNSEEN)
    score, comment = _said(await _body(request))
    if score is None:
        return page("How was our help?", RATE)
    try:
        await _keep(request, link, score, comment)
    except UnavailableError:
        return page("We cannot take it just now", AWAY, 503)
    return page("Thank you", TOLD if comment else THANKS.format(score=score))


async def _link(request: Request, token: str) -> Link | None:
    """None: nobody made it, or what it is about is gone."""
    parts: Any = request.app.state
    link: Link | None = parts.links.read(token)
    if link is None or link.kind != "rate":
        return link
    return link if await parts.ratings.rateable(link.workspace, UUID(link.about)) else None


async def _keep(request: Request, link: Link, score: int, comment: str | None) -> None:
    """Raises UnavailableError."""
    parts: Any = request.app.state
    message_id = UUID(link.about)
    rated = await parts.ratings.rateable(link.workspace, message_id)
    given: CloudEvent = FeedbackReceived(
        id=uuid4(), source=threads.SOURCE, subject=str(message_id), workspaceid=link.workspace,
        threadid=rated.thread_id, customerid=rated.customer_id,
        data=Feedback(message_id=message_id, score=score, comment=comment, scale="csat"),
    )  # fmt: skip
    await parts.bus.publish(given)


async def _body(request: Request) -> dict[str, list[str]]:
    taken = bytearray()
    async for part in request.stream():
        taken += part
        if len(taken) > BODY_BYTES:
            return {}
    return parse_qs(taken.decode("utf-8", "replace"), max_num_fields=10)


def _said(form: dict[str, list[str]]) -> tuple[int | None, str | None]:
    [score], [comment] = form.get("score", [""])[:1], form.get("comment", [""])[:1]
    known = int(score) if score in {str(grade) for grade in GRADES} else None
    return known, comment.replace("\0", "").strip()[:COMMENT_CHARACTERS] or None
