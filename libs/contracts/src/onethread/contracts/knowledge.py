"""The life of knowledge, and the question that is put to it."""

# pyright: reportIncompatibleVariableOverride=false
# Each event narrows `type`; a frozen model may.

from __future__ import annotations

from typing import Literal

from pydantic import Field

from onethread.contracts.envelope import CloudEvent, Contract
from onethread.contracts.messages import ChannelKind

LOCALE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
"""A language, as in `de-AT`."""
KnowledgeAudience = Literal["public", "internal"]
GapKind = Literal["handed_off", "thumbed_down", "dismissed"]
"""How a gap showed: the agent was not sure enough and handed off, the customer gave its answer a thumb down or a low
score, or a teammate dismissed its draft as wrong.
"""


class DocumentChange(Contract):
    document_id: str
    title: str | None = None
    version: int | None = None
    passages: int | None = None


class KnowledgeIndexed(CloudEvent):
    type: Literal["onethread.knowledge.indexed.v1"] = "onethread.knowledge.indexed.v1"
    data: DocumentChange


class KnowledgeRemoved(CloudEvent):
    type: Literal["onethread.knowledge.removed.v1"] = "onethread.knowledge.removed.v1"
    data: DocumentChange


class NearestArticle(Contract):
    document_id: str
    title: str


class KnowledgeGap(Contract):
    question: str
    confidence: float = Field(ge=0, le=1)
    kind: GapKind = "handed_off"
    channel: ChannelKind | None = None
    locale: str | None = Field(default=None, description="The customer's, where it is known.")
    nearest: NearestArticle | None = Field(default=None, description="What was found, though it did not answer.")


class KnowledgeGapFound(CloudEvent):
    """A customer asked what no article covers, or what the agent answered wrong. `subject` is the id of the message."""

    type: Literal["onethread.knowledge.gap_found.v1"] = "onethread.knowledge.gap_found.v1"
    data: KnowledgeGap


class GapTakenBack(Contract):
    kind: GapKind


class KnowledgeGapTakenBack(CloudEvent):
    """Who had judged an answer bad judges it otherwise now. `subject` is the id of the message, as of the gap."""

    type: Literal["onethread.knowledge.gap_taken_back.v1"] = "onethread.knowledge.gap_taken_back.v1"
    data: GapTakenBack


class Evidence(Contract):
    """What a belief was made of, without a word: with it a judgement says what the belief should have been.

    The numbers mean something to `model` (of embedding) and `calibration` (the shipped one that reads them) alone.
    """

    model: str
    calibration: str
    numbers: list[float]


class AnswerJudged(Contract):
    """Only of answers that one search found. `how`: a thumb of the customer, or what a teammate did with a draft."""

    right: bool
    how: Literal["thumb", "used", "dismissed"]
    evidence: Evidence | None = Field(default=None, description="None: the customer is erased.")


class KnowledgeAnswerJudged(CloudEvent):
    """Somebody said whether an answer was right; of one question the latest word counts. `subject` is the id of the
    message that was answered.
    """

    type: Literal["onethread.knowledge.answer_judged.v1"] = "onethread.knowledge.answer_judged.v1"
    data: AnswerJudged


class KnowledgeTrial(Contract):
    """Changes that are not live, for one search alone."""

    articles: list[str] = Field(
        default_factory=list[str], max_length=50, description="Ids of articles whose latest draft counts as published."
    )
    without: list[str] = Field(
        default_factory=list[str], max_length=200, description="Ids of those that count as gone."
    )


class KnowledgeSearch(Contract):
    """Question on `svc.knowledge.search`."""

    workspace: str
    query: str = Field(min_length=1, max_length=8_000)
    k: int = Field(default=5, ge=1, le=50)
    audience: KnowledgeAudience = "public"
    locale: str | None = Field(
        default=None, description="Only articles of this language and those that name none, if it has any."
    )
    trial: KnowledgeTrial | None = Field(default=None, description="Searched as if this were live.")


class Passage(Contract):
    document_id: str
    title: str
    heading_path: list[str] = Field(default_factory=list[str])
    text: str
    url: str | None = None
    locale: str | None = None
    score: float
    version: int


class LikenessOf(Contract):
    """Question on `svc.knowledge.likeness`: how alike are the two texts of each pair?"""

    pairs: list[tuple[str, str]] = Field(min_length=1, max_length=64)


class Likeness(Contract):
    """Answer: a cosine for each pair, in their order. 1: they say the same."""

    cosines: list[float]


class KnowledgeFound(Contract):
    """Answer: the passages, best first, and the calibrated belief (0 to 1) that they answer the query."""

    confidence: float = Field(ge=0, le=1)
    passages: list[Passage] = Field(default_factory=list[Passage])
    calibration: str = Field(default="", description="Version of what turned scores into the belief.")
    left_out: list[str] = Field(
        default_factory=list[str], description="Languages of articles that were not looked at: the query named another."
    )
    evidence: Evidence | None = Field(default=None, description="What the belief was made of. None: nothing was found.")
