"""An article's Markdown, read into sections of sentences and lists: what can be quoted of it. Pure."""

import re
from dataclasses import dataclass, field

_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(r"\s*(?:[-*+•]|(\d+)[.)])\s+(.*)")
_SKIP = re.compile(r"\s*(?:\||```|~~~|!\[|<|:::|\[[^\]]+\]:\s|\.\. |[=~^+-]{4,}|\+[-=+]+)")
"""Tables, code, images, raw HTML and the rules of plain-text tables make no sentence."""
_NO_END = "".join(
    rf"(?<!{short})"
    for short in (
        r"e\.g\.", r"i\.e\.", r"\b[A-ZÀ-Þ]\.", r"\bNo\.", r"\bNr\.", r"\bca\.", r"z\.B\.", r"z\. B\.", r"d\.h\.",
        r"bzw\.",
        r"inkl\.", r"p\. ej\.", r"p\.ex\.", r"m\.in\.", r"\bnp\.", r"т\.е\.",
    )
)  # fmt: skip
"""Dots of abbreviations."""
_SENTENCE = re.compile(rf"(?<=[.!?…]){_NO_END}[\"”')*]*\s+(?=[\"“„«'(*]*[A-ZÀ-ÞА-ЯЁ0-9¿¡])|(?<=[。！？])")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK_WITHIN = re.compile(r"\[([^\]]*)\]\((?!https?://|mailto:)[^)]*\)")
"""It leads nowhere outside the help centre; its words are kept."""
_POINTER = re.compile(
    r"(?:read more|see (?:also|here|below|above|this|the)|for (?:more|further) (?:information|details)|"
    r"more information|learn more|if you want, you can read|click here|siehe (?:auch|oben|unten)|mehr dazu|"
    r"weitere informationen|voir (?:aussi|ci-dessous)|pour plus d|véase|"
    r"más información|vedi anche|ver também|zie ook)\b",
    re.IGNORECASE,
)
_POINTS_TO = re.compile(r"\b(?:here|hier|ici|aquí|qui|aqui|below|above)[.:]?$|[→»]$", re.IGNORECASE)
_LONGEST_POINTER = 14
"""Words. A longer sentence says something itself."""


@dataclass
class Block:
    """A paragraph's sentences, or a list's items."""

    units: list[str]
    kind: str
    stems: list[set[str]] = field(default_factory=list[set[str]])
    scores: list[float] = field(default_factory=list[float])
    tells: bool = False
    """Holds something of the question that the article's title does not say already."""

    def best(self) -> int:
        return max(range(len(self.units)), key=lambda i: (self.scores[i], -i))


@dataclass
class Section:
    heading: str
    blocks: list[Block] = field(default_factory=list[Block])
    score: float = 0.0
    named: float = 0.0
    """How much its heading bears on the question."""


def sections_of(text: str) -> list[Section]:
    sections = [Section("")]
    for line in _LINK_WITHIN.sub(r"\1", _IMAGE.sub("", text)).splitlines():
        if heading := _HEADING.match(line):
            sections.append(Section(heading[1]))
        else:
            _read(line, sections[-1].blocks)
    for section in sections:
        section.blocks = [block for block in map(_split, section.blocks) if block.units]
    return [section for section in sections if section.blocks]


def _read(line: str, blocks: list[Block]) -> None:
    """Adds a line to the paragraph or list that it belongs to. A blank line ends a paragraph."""
    if not line.strip():
        blocks.append(Block([], "sentences"))
    elif _SKIP.match(line):
        return
    elif item := _ITEM.match(line):
        kind = "steps" if item[1] else "items"
        open_list = next((b for b in reversed(blocks) if b.units), None)
        if open_list is None or open_list.kind != kind:
            open_list = Block([], kind)
            blocks.append(open_list)
        open_list.units.append(item[2].strip())
    elif blocks and blocks[-1].units:
        blocks[-1].units[-1] += " " + line.strip()
    else:
        blocks.append(Block([line.strip()], "sentences"))


def _split(block: Block) -> Block:
    if block.kind == "sentences" and block.units:
        sentences = (sentence.strip() for sentence in _SENTENCE.split(block.units[0]))
        block.units = [sentence for sentence in sentences if sentence and not _leads_elsewhere(sentence)]
    return block


def _leads_elsewhere(sentence: str) -> bool:
    """True for "Read more here", whose link leads nowhere outside the help centre. One with a whole link stays."""
    if len(sentence.split()) > _LONGEST_POINTER or "](" in sentence or "://" in sentence:
        return False
    return _POINTER.match(sentence) is not None or _POINTS_TO.search(sentence) is not None
