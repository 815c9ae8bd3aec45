"""What is asked is forgotten: with the customer who asked it, with age, and when they like the answer after all."""

import json
import sqlite3
from collections.abc import Iterable

from onethread.contracts.customers import CustomerErased
from onethread.knowledge.articles import WRITTEN, Article
from onethread.knowledge.documents import DocumentStore
from onethread.knowledge.gap_articles import AUTHOR
from onethread.knowledge.gaps import is_latest_word, refresh
from onethread.knowledge.written import ArticleStore

_KIND = "thumbed_down"
_NOTHING_FAILED = """update gaps set failed_id = null, failed_version = null
    where workspace = :workspace and id = :gap and not exists (select 1 from gap_questions q, json_each(q.kinds) k
        where q.workspace = :workspace and q.gap_id = :gap and k.value in ('thumbed_down', 'dismissed'))"""
"""An article that was sure to answer counts as covering the gap again when nobody says any more that it did not."""
KEPT_SECONDS = 365 * 86_400.0
_OF_CUSTOMER = (
    "delete from gap_questions where workspace = ?1 and (customer_id in (select value from json_each(?2))"
    " or message_id in (select value from json_each(?3))) returning gap_id, question"
)


def forget_customer(articles: ArticleStore, event: CustomerErased) -> set[str]:
    """Their questions are gone, from articles too. Returns the gaps whose proposed article has lost its text with them
    and can be made anew of what other customers were answered.

    What a person has taken over keeps its text, which is theirs; it loses the customer's wordings.
    """
    workspace, erased = event.workspaceid, event.data
    customers = {str(erased.customer.id), *map(str, erased.customer.homes)}
    messages = [str(one) for one in erased.erased_message_ids]
    db = articles.documents.connection
    db.execute("pragma secure_delete = on")  # what is deleted is written over
    with articles.documents.transaction():
        words = "delete from gap_words where workspace = ? and message_id in (select value from json_each(?))"
        db.execute(words, (workspace, json.dumps(messages)))
        gone = db.execute(_OF_CUSTOMER, (workspace, json.dumps(sorted(customers)), json.dumps(messages))).fetchall()
        by_gap: dict[str, set[str]] = {}
        for row in gone:
            by_gap.setdefault(row["gap_id"], set()).add(row["question"])
        emptied = {gap_id for gap_id, said in by_gap.items() if _forget(articles, db, workspace, gap_id, said)}
    if gone:
        db.execute("pragma wal_checkpoint(truncate)")
    return emptied


def take_back(documents: DocumentStore, workspace: str, message_id: str, at: float) -> None:
    """The answer was good after all. What went wrong with the question otherwise stays."""
    where = (workspace, message_id)
    with documents.transaction() as db:
        if not is_latest_word(db, workspace, message_id, at, False):
            return
        row = db.execute(
            "select gap_id, kinds from gap_questions where workspace = ? and message_id = ?", where
        ).fetchone()
        if row is None or _KIND not in (kinds := json.loads(row["kinds"])):
            return
        if kinds == [_KIND]:
            db.execute("delete from gap_questions where workspace = ? and message_id = ?", where)
            refresh(db, workspace, row["gap_id"])
        else:
            left = json.dumps([kind for kind in kinds if kind != _KIND])
            db.execute("update gap_questions set kinds = ? where workspace = ? and message_id = ?", (left, *where))
        db.execute(_NOTHING_FAILED, {"workspace": workspace, "gap": row["gap_id"]})


def forget_old(documents: DocumentStore, now: float) -> int:
    """How many questions were too old. Articles keep what a person has approved."""
    with documents.transaction() as db:
        old = db.execute(
            "delete from gap_questions where at < ? returning workspace, gap_id", (now - KEPT_SECONDS,)
        ).fetchall()
        db.execute("delete from gap_words where at < ?", (now - KEPT_SECONDS,))
        for workspace, gap_id in {(row["workspace"], row["gap_id"]) for row in old}:
            refresh(db, workspace, gap_id)
    return len(old)


def _forget(articles: ArticleStore, db: sqlite3.Connection, workspace: str, gap_id: str, said: set[str]) -> bool:
    where = (workspace, gap_id)
    row = db.execute("select article_id from gaps where workspace = ? and id = ?", where).fetchone()
    still = {one["question"] for one in db.execute(
        "select question from gap_questions where workspace = ? and gap_id = ?", where
    )}  # fmt: skip
    lasts = refresh(db, workspace, gap_id)
    if row["article_id"] is None:
        return False
    article = articles.get(workspace, row["article_id"])
    if article.state not in ("proposed", "dismissed"):
        _take_out(articles, db, workspace, article.id, said - still)
        return False
    if not lasts:
        db.execute("delete from articles where workspace = ? and id = ?", (workspace, article.id))
        return False
    _blank(db, workspace, article.id, gap_id)
    return article.state == "proposed"


def _blank(db: sqlite3.Connection, workspace: str, article_id: str, gap_id: str) -> None:
    """Nobody has approved it: what it says may all be of the erased customer's thread."""
    of_it = (workspace, article_id)
    db.execute(
        "delete from article_versions where workspace = ?1 and article_id = ?2 and number <"
        " (select draft from articles where workspace = ?1 and id = ?2)",
        of_it,
    )
    db.execute(
        "update article_versions set text = '', wordings = '[]', author = ?, title ="
        " (select question from gaps where workspace = ? and id = ?) where workspace = ? and article_id = ?",
        (AUTHOR, workspace, gap_id, *of_it),
    )


def _take_out(
    articles: ArticleStore, db: sqlite3.Connection, workspace: str, article_id: str, said: Iterable[str]
) -> None:
    """The customer's wordings go from every version, and from search; versions that nobody wrote go as a whole."""
    of_it = (workspace, article_id)
    article = articles.get(workspace, article_id)
    kept = {article.latest.number, article.live}
    rows = db.execute(
        "select number, author, wordings from article_versions where workspace = ? and article_id = ?", of_it
    ).fetchall()
    for row in rows:
        one = (*of_it, row["number"])
        if row["author"] == AUTHOR and row["number"] not in kept:
            db.execute("delete from article_versions where workspace = ? and article_id = ? and number = ?", one)
        left = [wording for wording in json.loads(row["wordings"]) if wording not in said]
        db.execute(
            "update article_versions set wordings = ? where workspace = ? and article_id = ? and number = ?",
            (json.dumps(left), *one),
        )
    live = next((one for one in articles.versions(workspace, article_id) if one.number == article.live), None)
    if live:
        articles.documents.accept_one(db, workspace, Article(article_id, **vars(live.content)), WRITTEN)
