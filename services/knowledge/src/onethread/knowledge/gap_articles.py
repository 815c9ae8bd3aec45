"""Articles that are proposed to fill a gap, out of what teammates answered to its questions.

Customers' words become the title and the wordings, never the text; and nothing is published but by a person.
"""

import re
from dataclasses import dataclass
from uuid import UUID

from onethread.contracts import subjects
from onethread.contracts.questions import TeammateAnswer, TeammateAnswers, TeammateAnswersOf
from onethread.knowledge.articles import language_of
from onethread.knowledge.gaps import Example, Gap, GapStore, NoSuchGapError, wordings
from onethread.knowledge.library import Library
from onethread.knowledge.written import ArticleStore, Content, Origin, Written
from onethread.runtime.bus import Bus

AUTHOR = "Onethread"
MOST_ANSWERS = 5
"""In one text. More are not read by anybody."""
LONGEST_TITLE = 120
_ASKS = re.compile(r"[^.?!]*\?")
_BETWEEN = "\n\n---\n\n"
ANSWER_SECONDS = 4.0
SECOND_LOOK_SECONDS = 45.0
"""Longer than the undo window: whoever closes a thread with their reply has not said it yet."""
_LOOKS = 2


@dataclass(frozen=True)
class GapArticles:
    """Every method that asks conversation raises `UnavailableError` and `RefusedError`, with nothing changed."""

    library: Library
    bus: Bus
    gaps: GapStore
    written: ArticleStore

    async def draft(self, workspace: str, gap_id: str) -> Written:
        """What a person asks for: the gap's article, as far as nobody has worked on it made of the latest answers.

        Of a published one the wordings wait as a draft beside it. Raises `NoSuchGapError`.
        """
        gap, examples, answers = await self._known(workspace, gap_id)
        return await self.library.run(self._propose, workspace, gap, examples, answers, "gap", None)

    async def solve(self, workspace: str, thread_id: str) -> bool:
        """A teammate closed the thread: what they answered is proposed. False: nothing was answered, so far."""
        answered = False
        for gap_id in await self.library.run(self.gaps.of_thread, workspace, thread_id):
            gap, examples, answers = await self._known(workspace, gap_id)
            here = {one.message_id for one in examples if one.thread_id == thread_id}
            if any(str(answer.message_id) in here for answer in answers):
                answered = True
                if self._may_propose(workspace, gap):
                    await self.library.run(self._propose, workspace, gap, examples, answers, "thread", thread_id)
        return answered

    async def work(self) -> None:
        """Looks at the solved threads that are due; where nothing was answered yet, once more a little later."""
        for workspace, thread_id, tries in await self.library.run(self.gaps.solved_and_due):
            answered = await self.solve(workspace, thread_id)
            again = None if answered or tries + 1 >= _LOOKS else SECOND_LOOK_SECONDS
            await self.library.run(self.gaps.look_again, workspace, thread_id, again)

    async def _known(self, workspace: str, gap_id: str) -> tuple[Gap, list[Example], list[TeammateAnswer]]:
        gap = await self.library.run(self.gaps.get, workspace, gap_id)
        examples = await self.library.run(self.gaps.examples, workspace, gap_id)
        asked = TeammateAnswersOf(workspace=workspace, message_ids=[UUID(one.message_id) for one in examples])
        said = await self.bus.ask(subjects.CONVERSATION_ANSWERS, asked, TeammateAnswers, ANSWER_SECONDS)
        return gap, examples, said.answers

    def _may_propose(self, workspace: str, gap: Gap) -> bool:
        """By itself it never touches what a person has put aside, worked on or published."""
        return gap.article_id is None or self._is_untouched(self.written.get(workspace, gap.article_id))

    def _is_untouched(self, article: Written) -> bool:
        return article.state == "proposed" and article.latest.author == AUTHOR

    def _propose(
        self,
        workspace: str,
        gap: Gap,
        examples: list[Example],
        answers: list[TeammateAnswer],
        origin: Origin,
        thread_id: str | None,
    ) -> Written:
        content = content_of(gap, examples, answers)
        if gap.article_id is None:
            return self._create(workspace, gap, content, _why(gap, answers), origin, thread_id)
        known = self.written.get(workspace, gap.article_id)
        changes = {"title": content.title, "text": content.text, "wordings": content.wordings}
        if known.state == "dismissed":
            return self.written.change(workspace, known.id, AUTHOR, changes=changes, state="proposed")
        if self._is_untouched(known):
            return self.written.change(workspace, known.id, AUTHOR, changes=changes)
        kept = tuple(dict.fromkeys([*known.latest.content.wordings, *content.wordings]))[:100]
        return self.written.change(workspace, known.id, AUTHOR, changes={"wordings": kept})

    def _create(
        self, workspace: str, gap: Gap, content: Content, why: str, origin: Origin, thread_id: str | None
    ) -> Written:
        """With the gap, in one transaction: one proposal for each, also where two ask for it."""
        with self.written.documents.transaction() as db:
            where = (workspace, gap.id)
            now = db.execute("select article_id from gaps where workspace = ? and id = ?", where).fetchone()
            if now is None:  # erased or too old, a moment ago
                raise NoSuchGapError(gap.id)
            if now["article_id"]:
                return self.written.get(workspace, now["article_id"])
            if thread_id and self.written.of_thread(db, workspace, thread_id):
                thread_id = None  # another question of the same thread was proposed before
            made = self.written.create_one(db, workspace, content, AUTHOR, ("proposed", origin, why, thread_id))
            drafted = "update gaps set article_id = ?, state = 'drafted', closed = null where workspace = ? and id = ?"
            db.execute(drafted, (made.id, *where))
            return made


def content_of(gap: Gap, examples: list[Example], answers: list[TeammateAnswer]) -> Content:
    texts = dict.fromkeys(answer.text.strip() for answer in answers if answer.text.strip())
    locales = {language_of(one.locale) for one in examples if one.locale}
    return Content(
        title=title_of(gap.question),
        text=_BETWEEN.join(list(texts)[:MOST_ANSWERS]),
        locale=locales.pop() if len(locales) == 1 else None,
        wordings=wordings(examples),
    )


def title_of(question: str) -> str:
    """Of a long letter, what it asks; else how it begins."""
    if len(question) <= LONGEST_TITLE:
        return question
    asks = next((one.strip() for one in _ASKS.findall(question) if len(one.strip()) <= LONGEST_TITLE), None)
    return asks or question[:LONGEST_TITLE].rsplit(" ", 1)[0] + "…"


def _why(gap: Gap, answers: list[TeammateAnswer]) -> str:
    asked = f"Asked {gap.count} times" if gap.count > 1 else "Asked once"
    if not answers:
        return f"{asked}, and no teammate has answered it so far: the text is for you to write."
    return f"{asked}. The text is what teammates answered, without names, addresses and numbers: please read it first."
