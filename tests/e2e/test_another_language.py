"""A workspace whose help centre is in German, through the whole stack: what its customers read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from plugins.customers import Mailer, Slack, Visitor, somebody
from plugins.stack import Stack, own_folder
from tests.bench.languages import centres

pytestmark = pytest.mark.connected
ASKED = "Was kostet das Porto?"
ANSWER = "4,90 €"
SOURCE = "Versandkosten und ab wann wir kostenlos liefern"
NEAR = "Repariert ihr Schreibmaschinen?"
HANDED_OFF = "an einen Menschen weitergegeben"


@pytest.fixture(scope="module")
def german(built_ui: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Its articles name no language: that shows in how they read."""
    folder: Path = tmp_path_factory.mktemp("hilfe")
    for article in centres.articles("de", named=False):
        (folder / f"{article.id}.md").write_text(f"# {article.title}\n\n{article.text}\n", "utf-8")
    with own_folder() as stack:
        stack.start(ONETHREAD_EMBEDDING="multilingual", ONETHREAD_KNOWLEDGE_DIR=str(folder))
        yield stack
        stack.stop()


@pytest.fixture
async def browser(german: Stack) -> AsyncIterator[Visitor]:
    visitor = Visitor(german, somebody())
    await visitor.connect()
    yield visitor
    await visitor.close()


async def test_a_german_question_is_answered_in_german_with_its_source(browser: Visitor) -> None:
    await browser.say(ASKED)
    said = await browser.message("agent")
    assert ANSWER in said["text"]
    assert said["sources"][0]["title"] == SOURCE


async def test_what_no_article_answers_is_handed_off_in_german(browser: Visitor) -> None:
    await browser.say(NEAR)
    said = await browser.message("agent")
    assert HANDED_OFF in said["text"]
    assert not said["sources"]


async def test_a_mail_is_answered_as_a_german_letter(german: Stack) -> None:
    mailer = Mailer(german, somebody("Jule"))
    await mailer.send(mailer.write(f"Hallo zusammen,\n\n{ASKED}\n\nViele Grüße\nJule", Subject="Frage zum Versand"))
    letter = (await mailer.answer())["text"].replace("\r\n", "\n")
    assert letter.startswith("Guten Tag Jule,")
    assert ANSWER in letter
    assert SOURCE in letter
    assert "Viele Grüße\nDer Support-Assistent" in letter


async def test_slack_has_it_in_german_too(german: Stack) -> None:
    slack = Slack(german)
    await slack.say(ASKED)
    said = await slack.answered(lambda message: ANSWER in message["text"])
    assert SOURCE in str(said)
