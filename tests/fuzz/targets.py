"""What is read of strangers' mails, and what must hold whatever they hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from lxml import html
from lxml.etree import LxmlError

from onethread.gateway_email import convert, inspect, pipeline
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.parsing import calendars, mime, tnef
from onethread.gateway_email.quoting import forwards, quotes
from onethread.gateway_email.quoting.quote_phrases import HISTORY_BELOW
from onethread.gateway_email.sender.authenticity import Edge
from onethread.gateway_email.showing import folding, hidden, markup
from onethread.gateway_email.showing.shown import shown
from onethread.gateway_email.tokens import Signer
from onethread.runtime.harmless import SCHEMES, TAGS

Target = Callable[[bytes], object]
EDGE = Edge.parse("127.0.0.0/8", "mx.desk.example")
DESK = Desk("email-local", "local", "support@desk.example", "Support", EDGE, Signer(("a secret",), "local"))
ARRIVAL = Arrival("127.0.0.1", "ann@x.example", (DESK.address,), datetime(2026, 11, 2, 10, tzinfo=UTC))
HTML_HEAD = b"From: ann@x.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
STORABLE = "PostgreSQL keeps no NUL, and JSON no half of a letter"


def mail(raw: bytes) -> None:
    """It becomes events, or is refused in words. Nothing else."""
    try:
        events = pipeline.events_of(raw, ARRIVAL, [DESK], [DESK])
    except convert.RefusedMailError:
        return
    for event in events:
        assert "\\u0000" not in event.model_dump_json(), STORABLE


def inspected(raw: bytes) -> None:
    json.dumps(inspect.inspected(raw, "mx.desk.example", DESK), ensure_ascii=False).encode()


def words(raw: bytes) -> None:
    """No word is lost between new, quoted and signature."""
    text = raw.decode("utf-8", "replace").replace(HISTORY_BELOW, "")
    said = quotes.split(text)
    assert letters(said.new) + letters(said.quoted) + letters(said.signature) == letters(text), "words were lost"
    assert said.new.strip() or not text.strip(), "nothing is left of a mail with words"


def letters(text: str) -> Counter[str]:
    return Counter("".join(text.split()))


def forward(raw: bytes) -> None:
    subject, _, text = raw.decode("utf-8", "replace").partition("\n")
    forwards.forward(text, subject or None)
    forwards.forward(text, None)


def rich(raw: bytes) -> None:
    """Its words can be read, and folding loses none of them."""
    source = raw.decode("utf-8", "replace")
    if markup.is_tractable(source):
        _fold(hidden.visible(source))
    markup.as_text(source)
    quotes.from_html(source)


def screen(raw: bytes) -> None:
    """What is shown of it runs and fetches nothing."""
    source = raw.decode("utf-8", "replace")
    for clean in (markup.sanitized(source), shown(mime.parse(HTML_HEAD + raw))):
        if clean and clean.strip():
            _hold(clean)


def _fold(source: str) -> None:
    try:
        tree = markup.tree(source)
    except (LxmlError, ValueError):
        return
    before, titles = letters(tree.text_content()), len(tree.findall(".//summary"))
    folding.fold(tree)
    added = [one for one in tree.iter("summary") if one.text in folding.SUMMARIES.values()]
    if not titles:
        assert letters(tree.text_content()) == before + letters("".join(one.text or "" for one in added)), (
            "words were lost"
        )


def _hold(clean: str) -> None:
    try:
        tree = html.document_fromstring(clean)
    except (LxmlError, ValueError):
        return
    for element in tree.iter():
        assert not isinstance(element.tag, str) or element.tag in TAGS | {"html", "body"}, f"<{element.tag}> is shown"
        for name, value in element.items():
            assert not name.startswith("on"), f"{name} runs"
            assert name != "src" or value.startswith("data:image/"), "a picture is fetched"
            assert name != "href" or value.partition(":")[0].strip().lower() in SCHEMES, f"a link to {value[:40]}"
            assert name != "style" or "url(" not in value.lower(), "a style fetches"


def calendar(raw: bytes) -> None:
    calendars.read(raw.decode("utf-8", "replace"))


def pack(raw: bytes) -> None:
    tnef.read(raw)


TARGETS: dict[str, Target] = {
    "mail": mail,
    "inspect": inspected,
    "words": words,
    "forward": forward,
    "html": rich,
    "shown": screen,
    "calendar": calendar,
    "tnef": pack,
}
