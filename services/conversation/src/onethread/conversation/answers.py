"""What teammates answered to questions of customers, for articles: their words alone, and nothing of whose it was."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from onethread.contracts.questions import TeammateAnswer, TeammateAnswers, TeammateAnswersOf
from onethread.conversation.database import Database
from onethread.runtime.personal import without_personal_data

# An answer is what teammates said until the customer went on; only where the question was asked, or to the customer
# alone. Nothing is taken from a thread whose sender is not proven.
SAID = """select q.id, q.thread_id, m.text, first.created_at from message q
    join lateral (select position, created_at from message r
        where r.thread_id = q.thread_id and r.position > q.position and r.author_kind = 'teammate' and not r.note
        order by r.position limit 1) first on true
    join message m on m.thread_id = q.thread_id and m.position >= first.position and m.author_kind = 'teammate'
        and not m.note and m.channel_id is not null and m.text <> '' and (m.place_key = q.place_key or not m.shared)
        and m.position < coalesce((select min(n.position) from message n where n.thread_id = q.thread_id
            and n.position > first.position and n.author_kind = 'customer' and not n.thanks), m.position + 1)
    where q.workspace_id = %(workspace)s and q.id = any(%(questions)s) and q.author_kind = 'customer'
        and q.identity_trust is distinct from 'asserted' and not exists (select from message a
            where a.thread_id = q.thread_id and a.identity_trust = 'asserted')
    order by first.created_at desc, q.id, m.position"""
NAMES = """select m.thread_id, m.author_name as name from message m
    where m.thread_id = any(%(threads)s) and m.author_kind in ('customer', 'teammate') and m.author_name is not null
    union select t.id, c.name from thread t join customer c on c.root_id = t.customer_id
    where t.id = any(%(threads)s) and c.name is not null"""
_SALUTATION = re.compile(
    r"\A(?:hi|hello|hey|dear|good (?:morning|day|afternoon|evening)|hallo|liebe[rs]?|guten (?:tag|morgen|abend)|bonjour"
    r"|chère?|hola|buenos días|ciao|buongiorno|olá|beste|hej|cześć)"
    r"(?:\s+(?:mr|mrs|ms|herr|frau|there|again)\b\.?)?(?:\s+\[name\])*\s*[,!.:–-]+(?:\s+|\Z)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"\n[^\n.!?]{0,40}(?:,\s*|\n\s*)?\[name\][^\n.!?]{0,40}$")
LONGEST = 20_000
"""Characters of an answer."""


class Answers:
    """Answers `svc.conversation.answers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, question: TeammateAnswersOf) -> TeammateAnswers:
        asked = {"workspace": question.workspace, "questions": question.message_ids}
        async with self._database.transaction(question.workspace) as connection:
            said = await (await connection.execute(SAID, asked)).fetchall()
            threads = list({row.thread_id for row in said})
            known = await (await connection.execute(NAMES, {"threads": threads})).fetchall()
        answers = [_answer(list(rows), known) for _, rows in groupby(said, key=lambda row: row.id)]
        return TeammateAnswers(answers=answers)


def _answer(rows: list[Any], known: list[Any]) -> TeammateAnswer:
    first = rows[0]
    names = [one.name for one in known if one.thread_id == first.thread_id]
    text = "\n\n".join(row.text.strip() for row in rows)[:LONGEST]
    return TeammateAnswer(message_id=first.id, text=without_letter_parts(without_personal_data(text, names)))


def without_letter_parts(text: str) -> str:
    """Without the salutation and the signature around it: an article greets nobody by name."""
    text = _SIGNATURE.sub("", _SALUTATION.sub("", text.strip())).strip()
    return text[:1].upper() + text[1:]
