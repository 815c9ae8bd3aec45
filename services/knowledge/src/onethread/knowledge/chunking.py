"""Articles to passages: cut by heading, then by sentence. The only file that names LlamaIndex."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llama_index.core.node_parser import MarkdownNodeParser, SentenceSplitter
    from llama_index.core.schema import TextNode

# 160 words and their title stay below the 256 tokens that the embedding sees.
PASSAGE_WORDS = 160
OVERLAP_WORDS = 40

_HEADING = re.compile(r"#+\s+(?P<name>.*?)\s*#*\s*(?:\n|$)")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_MARKS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}|^\s*[>|]\s?", re.MULTILINE)


@dataclass(frozen=True)
class Chunk:
    """A passage to be. `start` and `end` are offsets in the article's text."""

    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int


def chunk(title: str, text: str) -> list[Chunk]:
    """At least one chunk for any text that is not blank. Headings go into the path, not into the text."""
    chunks: list[Chunk] = []
    searched_to = 0
    for path, body in _sections(text):
        heading_path = path[1:] if path and path[0].casefold() == title.casefold() else path
        after = text.find(body, searched_to)
        for piece in _pieces(body):
            start = max(text.find(piece, after), 0)
            chunks.append(Chunk(heading_path, piece, start, start + len(piece)))
        searched_to = after + len(body)
    whole = text.strip()
    return chunks or [Chunk((), whole, text.find(whole), text.find(whole) + len(whole))]


def embedding_text(title: str, heading_path: tuple[str, ...], text: str) -> str:
    """What is embedded and what words are looked up in: the way to the passage, then the passage without mark-up."""
    plain = _MARKS.sub("", _LINK.sub(r"\1", text))
    return f"{' > '.join((title, *heading_path))}\n{plain}"


def _sections(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(headings that lead to it, its own among them; body) of each section that has a body."""
    from llama_index.core.schema import Document

    for node in _by_heading().get_nodes_from_documents([Document(text=text)]):
        section: TextNode = node  # type: ignore[assignment]
        parents = tuple(filter(None, section.metadata["header_path"].split("\n")))
        heading = _HEADING.match(section.text)
        body = section.text[heading.end() :].strip() if heading else section.text
        if body:
            yield (*parents, heading["name"]) if heading else parents, body


def _pieces(body: str) -> list[str]:
    if len(body.split()) <= PASSAGE_WORDS:
        return [body]
    return [piece for piece in _by_sentence().split_text(body) if piece.strip()]


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
