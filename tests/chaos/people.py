"""Customers on three channels and the teammates who answer them, at a steady rate, each word with its mark."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable, Iterable
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx
from chaos.book import Book, Shown
from chaos.outside import Mailboxes, text_of
from plugins.customers import Desk, Person, Slack, Visitor, somebody
from plugins.stack import Stack
from plugins.traffic import MailSender, Sender, SlackSender, WidgetSender

QUESTIONS = (
    "How long does delivery take?",
    "Can I return a notebook that I have written in?",
    "Which papers take fountain pen ink?",
    "Do you ship to Norway?",
    "Can I change my address after I ordered?",
)
SLACK = {
    "U0ANARUIZ01": "ana@pineandpaper.example",
    "U0BOBSTONE1": "bob@pineandpaper.example",
    "U0MEITANAKA": "mei@harbourbooks.example",
    "U0JONASKELL": "jonas@keller.example",
}
PAUSE = (0.8, 3.2)
"""Seconds between what one of them says and what they say next."""
ANSWERED_BY_MAIL = 0.5
"""So often a mail is the answer to the last one that came."""
UNDO_SECONDS = 2


class Marked(Sender):
    """Says what has a mark, and has the book know of each receipt."""

    book: Book
    chance: random.Random
    whose: str
    """The person whose thread it is."""

    def pause(self) -> float:
        for text in self.accepted[-1:]:
            self.book.receipt(text)
        return self.chance.uniform(*PAUSE)

    def text(self) -> str:
        mark = self.book.mark(self.whose, "said", self.name)
        return f"{self.chance.choice(QUESTIONS)} My number is {mark}."


class Chatter(Marked, WidgetSender):
    pass


class Newcomer(Marked):
    """Each time somebody whom nobody knows asks one question in the chat, and stays until the end."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(f"newcomers {uuid4().hex[:6]}")
        self._stack, self.came = stack, 0
        self.browsers: dict[str, Visitor] = {}

    def text(self) -> str:
        self.came += 1
        self.whose = f"newcomer {self.came}"
        return f"{self.chance.choice(QUESTIONS)} My number is {self.book.mark(self.whose, 'said', self.whose)}."

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        browser, client_id = Visitor(self._stack), str(uuid4())
        self.browsers[self.whose] = browser

        async def attempt() -> str:
            await browser.stay_connected()
            answer = await browser.say(text, client_id, seconds=9)
            return "accepted" if answer["type"] == "ack" else answer["code"]

        return attempt


class Writer(Marked, MailSender):
    mailboxes: Mailboxes

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        came = self.mailboxes.mails[self.person.email]
        headers, to = {}, None
        if came and self.chance.random() < ANSWERED_BY_MAIL:
            to = str(came[-1]["Reply-To"] or came[-1]["From"])
            headers = {"In_Reply_To": came[-1]["Message-ID"], "References": came[-1]["Message-ID"], "To": to}
        raw = self.mailer.write(text, **headers)
        address = to.rpartition("<")[2].rstrip(">") if to else None

        async def attempt() -> str:
            code, _ = await self.mailer.send(raw, seconds=9, **({"to": address} if address else {}))
            return "accepted" if code == httpx.codes.OK + 50 else str(code)

        return attempt


class Colleague(Marked, SlackSender):
    pass


class Teammate(Marked):
    """Answers one customer again and again, now and then with an undo window, and leaves notes."""

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(f"teammate of {name}")
        self.desk, self._thread = desk, ""
        self._kind, self._undo = "reply", False

    def text(self) -> str:
        self._kind = "note" if self.chance.random() < 0.2 else "reply"
        self._undo = self._kind == "reply" and self.chance.random() < 0.25
        # A reply with an undo window may be overtaken by the next: its order is not promised.
        sender = f"{self.name}, {uuid4().hex[:6]}" if self._undo else f"{self.name}, {self._kind}"
        return f"We look into it. Our number is {self.book.mark(self.whose, self._kind, sender)}."

    def prepare(self, text: str) -> Callable[[], Awaitable[str]]:
        headers = {"Idempotency-Key": uuid4().hex}
        said: dict[str, Any] = {"text": text, "note": self._kind == "note"}
        if self._undo:
            said["undo_seconds"] = UNDO_SECONDS

        async def attempt() -> str:
            if not self._thread:
                found = await self.desk.threads(self.whose)
                if not found:
                    return "no thread yet"
                self._thread = found[0]["id"]
            answer = await self.desk.http.post(f"threads/{self._thread}/messages", json=said, headers=headers)
            return "accepted" if answer.is_success else str(answer.status_code)

        return attempt


class Everybody:
    """Three people who write mails and chat, three who chat, three who write mails, a workspace on Slack, newcomers;
    and teammates for every other of them.
    """

    def __init__(self, stack: Stack, desk: Desk, mailboxes: Mailboxes, book: Book, chance: random.Random) -> None:
        self._stack, self._mailboxes, self._book, self._chance = stack, mailboxes, book, chance
        both, chatting, writing = ([somebody(name) for _ in range(3)] for name in ("Both", "Wilma", "Emil"))
        bob = Person("Bob Stone", SLACK["U0BOBSTONE1"])
        self.chatters = [self._marked(Chatter(stack, p), p.email) for p in (*both, *chatting)]
        self.writers = [self._marked(Writer(stack, p), p.email) for p in (*both, *writing, bob)]
        self.colleagues = [self._marked(Colleague(stack, user), email) for user, email in SLACK.items()]
        self.newcomers = self._marked(Newcomer(stack), "")
        answered = [*(p.email for p in both), chatting[0].email, writing[0].email, bob.email, SLACK["U0ANARUIZ01"]]
        self.teammates = [self._marked(Teammate(desk, email), email) for email in answered]
        for writer in self.writers:
            writer.mailboxes = mailboxes

    def _marked(self, sender: Any, whose: str) -> Any:
        sender.book, sender.whose = self._book, whose
        sender.name = f"{type(sender).__name__} {whose}"
        sender.chance = random.Random(self._chance.random())
        return sender

    @property
    def senders(self) -> list[Any]:
        return [*self.chatters, *self.writers, *self.colleagues, self.newcomers, *self.teammates]

    def start(self) -> None:
        for sender in self.senders:
            sender.start()

    async def stop(self, seconds: float) -> list[str]:
        """Those who got no receipt for so long."""
        ended = await asyncio.gather(*(one.stop(seconds) for one in self.senders), return_exceptions=True)
        for sender in self.senders:
            for text in sender.accepted[-1:]:
                self._book.receipt(text)
        return [
            f"not taken within {seconds:.0f} s of peace: {sender.name}, {sender.in_hand!r}, {dict(sender.refused)}"
            if isinstance(end, TimeoutError)
            else f"{sender.name} stopped: {end!r}"
            for sender, end in zip(self.senders, ended, strict=True)
            if end is not None
        ]

    async def catch_up(self) -> None:
        """Browsers that lost their socket open it again."""
        for chatter in self.chatters:
            with contextlib.suppress(OSError, httpx.HTTPError):
                await chatter.browser.stay_connected()

    async def close(self) -> None:
        browsers = [one.browser for one in self.chatters] + list(self.newcomers.browsers.values())
        await asyncio.gather(*(browser.close() for browser in browsers), return_exceptions=True)

    # What reached them

    async def received(self) -> list[Shown]:
        chats = [shown for one in self.chatters for shown in _heard(one.whose, one.browser)]
        asked = [shown for whose, browser in self.newcomers.browsers.items() for shown in _heard(whose, browser)]
        mails = [_read(to, mail) for to, all_ in self._mailboxes.mails.items() for mail in all_]
        return [*chats, *asked, *mails, *await self._on_slack()]

    async def _on_slack(self) -> list[Shown]:
        shown: list[Shown] = []
        for user, email in SLACK.items():
            said = await Slack(self._stack, user).messages()
            shown += [Shown(email, one["text"], f"slack {one['ts']}") for one in said if one.get("bot_id")]
        return shown


def _heard(whose: str, browser: Visitor) -> Iterable[Shown]:
    """A browser shows what has one id once."""
    messages = {f["message"]["id"]: f["message"] for f in browser.frames if f["type"] == "message"}
    others = [json.dumps(frame) for frame in browser.frames if frame["type"] != "message"]
    yield Shown(whose, "", quoted="\n".join(others))
    for id_, message in messages.items():
        text = message["text"] if message["channel"] == "widget" else ""  # else it shows what was said elsewhere
        yield Shown(whose, text, id_, quoted=json.dumps(message))


def _read(to: str, mail: EmailMessage) -> Shown:
    parts = [str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"]
    return Shown(to, text_of(mail), f"mail {mail['Message-ID']}", quoted="\n".join([str(mail["Subject"]), *parts]))
