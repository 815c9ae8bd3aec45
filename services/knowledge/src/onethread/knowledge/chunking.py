"""Articles to passages: cut by heading, then by sentence. The only file that names LlamaIndex."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING

from onethread.knowledge.articles import StoredPassage

if TYPE_CHECKING:
    from llama_index.core.node_parser import MarkdownNodeParser, SentenceSplitter
    from llama_index.core.schema import TextNode

# 160 words and their title stay below the 256 tokens that the embedding sees.
PASSAGE_WORDS = 160
OVERLAP_WORDS = 40
# A section of two sentences is found best alone but seldom answers alone: it comes with its neighbours.
CONTEXT_WORDS = 240

_HEADING = re.compile(r"#+\s+(?P<name>.*?)\s*#*\s*(?:\n|$)")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_MARKS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}|^\s*[>|]\s?", re.MULTILINE)


@dataclass(frozen=True)
class Span:
    """A part of an article: the headings that lead to it, and its offsets in the article's text."""

    heading_path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Chunk:
    """What is looked up, and the `context` that is answered from. A `wording` is a question in customers' words."""

    span: Span
    text: str
    context: Span
    wording: bool = False


def chunk(title: str, text: str) -> list[Chunk]:
    """At least one chunk for any text that is not blank. Headings are in the path, not in the chunk's text."""
    return [
        Chunk(piece, text[piece.start : piece.end], context or piece)
        for sections, context in _contexts(text, _sections(title, text))
        for section in sections
        for piece in _pieces(text, section)
    ]


def wordings(chunks: list[Chunk], questions: Iterable[str]) -> list[Chunk]:
    """Each question as a chunk of its own, which leads to the beginning of the article."""
    first = chunks[0].context
    return [Chunk(Span((), first.start, first.end), question, first, wording=True) for question in questions]


def embedding_text(title: str, heading_path: tuple[str, ...], text: str) -> str:
    """What is embedded and what words are looked up in: the way to the passage, then the passage without mark-up."""
    plain = _MARKS.sub("", _LINK.sub(r"\1", text))
    return f"{' > '.join((title, *heading_path))}\n{plain}"


def looked_up_text(passage: StoredPassage) -> str:
    """What of a stored passage is embedded and looked up."""
    return passage.text if passage.wording else embedding_text(passage.title, passage.heading_path, passage.text)


def _sections(title: str, text: str) -> list[Span]:
    """What stands under each heading, in order. A section without words of its own is left out."""
    from llama_index.core.schema import Document

    sections: list[Span] = []
    position = 0
    for node in _by_heading().get_nodes_from_documents([Document(text=text)]):
        section: TextNode = node  # type: ignore[assignment]
        start = text.index(section.text, position)
        position = start + len(section.text)
        path = tuple(filter(None, section.metadata["header_path"].split("\n")))
        if heading := _HEADING.match(section.text):
            path = (*path, heading["name"])
            start += heading.end()
        if body := text[start:position].strip():
            start = text.index(body, start)
            own = path[1:] if path and path[0].casefold() == title.casefold() else path
            sections.append(Span(own, start, start + len(body)))
    return sections or [Span((), 0, len(text))]


def _contexts(text: str, sections: list[Span]) -> Iterator[tuple[list[Span], Span | None]]:
    """Neighbouring sections and the span of them all; None for a section that is too long to come whole."""
    group: list[Span] = []
    for section in sections:
        if group and _words(text[group[0].start : section.end]) > CONTEXT_WORDS:
            yield group, _around(text, group)
            group = []
        group.append(section)
    yield group, _around(text, group)


def _around(text: str, group: list[Span]) -> Span | None:
    start, end = group[0].start, group[-1].end
    if _words(text[start:end]) > CONTEXT_WORDS:
        return None
    shared = takewhile(lambda names: len({*names}) == 1, zip(*(s.heading_path for s in group), strict=False))
    return Span(tuple(names[0] for names in shared), start, end)


def _pieces(text: str, section: Span) -> Iterator[Span]:
    body = text[section.start : section.end]
    pieces = [body] if _words(body) <= PASSAGE_WORDS else _by_sentence().split_text(body)
    position = section.start
    for piece in filter(str.strip, pieces):
        start = text.index(piece, position)
        position = start + 1  # pieces overlap
        yield Span(section.heading_path, start, start + len(piece))


def _words(text: str) -> int:
    return len(text.split())


@cache
def _by_heading() -> "MarkdownNodeParser":
    from llama_index.core.node_parser import MarkdownNodeParser

    return MarkdownNodeParser(header_path_separator="\n", include_prev_next_rel=False)


@cache
def _by_sentence() -> "SentenceSplitter":
    from llama_index.core.node_parser import SentenceSplitter

    return SentenceSplitter(
        chunk_size=PASSAGE_WORDS,
        chunk_overlap=OVERLAP_WORDS,
        tokenizer=str.split,
        paragraph_separator="\n\n",
        chunking_tokenizer_fn=_sentences,
    )


def _sentences(text: str) -> list[str]:
    """Every character of the text is in exactly one sentence: the splitter joins them again without a space."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if start < end]
