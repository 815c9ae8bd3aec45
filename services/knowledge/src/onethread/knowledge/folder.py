"""A folder of Markdown articles with front matter: the source of `ONETHREAD_KNOWLEDGE_DIR`."""

from pathlib import Path
from typing import get_args

import structlog
import yaml

from onethread.knowledge.articles import Article, Audience
from onethread.knowledge.documents import DocumentStore

log = structlog.get_logger()


class UnreadableError(ValueError):
    """A file is no article. The message says why, in a few words."""


def sync(store: DocumentStore, workspace: str, folder: Path) -> None:
    """Accepts what is new or changed and removes what is gone. A file that can't be read is named and passed over."""
    if not folder.is_dir():
        log.error("knowledge.folder_missing", folder=str(folder))
        return
    articles: dict[str, Article] = {}
    unreadable = False
    for path in sorted(folder.rglob("*.md")):
        try:
            article = parse(path.read_text(encoding="utf-8"), default_id=path.stem)
        except (OSError, ValueError) as error:
            unreadable = True
            log.warning("knowledge.file_skipped", file=path.name, reason=str(error))
        else:
            articles[article.id] = article
    changed = store.accept(workspace, articles.values(), origin="folder")
    gone = store.ids_from(workspace, "folder") - articles.keys()
    if unreadable:  # one of them may be a file that has just lost its front matter
        gone = set()
    for document_id in gone:
        store.remove(workspace, document_id)
    log.info("knowledge.folder_read", articles=len(articles), changed=changed, removed=len(gone))


def parse(source: str, default_id: str) -> Article:
    """Front matter: `title`, and optionally `id`, `url`, `audience`, `locale`. Raises `UnreadableError`."""
    head, separator, text = source.removeprefix("\ufeff").removeprefix("---\n").partition("\n---\n")
    if not separator or not source.lstrip("\ufeff").startswith("---\n"):
        raise UnreadableError("it has no front matter")
    try:
        fields = yaml.safe_load(head)
    except yaml.YAMLError as error:
        raise UnreadableError("its front matter is not YAML") from error
    if not isinstance(fields, dict) or not fields.get("title") or not text.strip():
        raise UnreadableError("it lacks a title or a text")
    audience = fields.get("audience", "public")
    if audience not in get_args(Audience):  # never guess that something is public
        raise UnreadableError("its audience is neither public nor internal")
    url, locale = fields.get("url"), fields.get("locale")
    return Article(
        id=str(fields.get("id", default_id)),
        title=str(fields["title"]),
        text=text.strip(),
        url=str(url) if url else None,
        audience=audience,
        locale=str(locale) if locale else None,
    )
