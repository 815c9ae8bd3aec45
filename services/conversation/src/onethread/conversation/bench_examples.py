"""Examples of the test bench for the OpenAPI document: a question of the flower shop, and how its answer got worse."""

from __future__ import annotations

from typing import Any

QUESTION_ID, RUN_ID, GOOD_RUN_ID = (
    "1c6f2a0e-7f1d-4f64-8e4b-6b3f7f2e8c21", "2d7f3b1f-8a2e-4a75-9f5c-7c4a8a3f9d32",
    "3e8a4c2a-9b3f-4b86-8a6d-8d5b9b4a0e43",
)  # fmt: skip
AT, LATER = "2026-11-23T09:14:05Z", "2026-11-23T09:15:30Z"
NEW_QUESTION: dict[str, Any] = {
    "question": "How long does delivery take?", "history": [], "channel": "widget", "expect": "answer",
    "sources": ["Delivery times"], "contains": ["three working days"], "lacks": ["guarantee"],
    "note": "Asked most before Christmas.",
}  # fmt: skip
QUESTION = NEW_QUESTION | {
    "id": QUESTION_ID, "from_message": False, "by": "Mara Lind", "version": 1, "created_at": AT, "updated_at": AT,
}  # fmt: skip
PASSAGE = {
    "document_id": "d", "title": "Delivery times", "heading_path": [], "text": "Delivery takes three working days.",
    "url": "https://shop.example/d", "locale": None, "score": 0.98, "version": 3,
}  # fmt: skip
BEFORE: dict[str, Any] = {
    "decision": "answer", "confidence": 0.91, "text": "Delivery takes three working days.",
    "sources": [{"title": "Delivery times", "url": "https://shop.example/d", "document_id": "d", "score": 0.98}],
    "reason": "Quoted from the article", "summary": "", "query": "How long does delivery take?", "passages": [PASSAGE],
    "handoff": None, "suggested_reply": "", "tags": [], "topic": "Delivery times", "calibration": "3", "usage": [],
    "budget_spent": False,
}  # fmt: skip
NOW = BEFORE | {
    "decision": "handoff", "confidence": 0.41, "text": "A colleague will answer.", "sources": [], "handoff": "unsure",
    "reason": "Not sure enough: 41% of the needed 78%.",
}  # fmt: skip
COUNTS = {
    "questions": 12, "asked": 12, "passed": 11, "failed": 1, "worse": 1, "other": 0, "better": 2, "same": 9, "new": 0,
    "unclear": 0,
}  # fmt: skip
RUN: dict[str, Any] = {
    "id": RUN_ID, "why": "change", "changes": ["Delivery times"], "trial": None, "state": "done", "reason": "",
    "by": None, "baseline_id": GOOD_RUN_ID, "counts": COUNTS, "accepted_by": None, "input_tokens": 0,
    "output_tokens": 0, "cost": 0.0, "created_at": AT, "started_at": AT, "ended_at": LATER,
}  # fmt: skip
RESULT: dict[str, Any] = {
    "question_id": QUESTION_ID, "question": NEW_QUESTION["question"], "channel": "widget", "expect": "answer",
    "edited": False, "answered": NOW, "passed": False,
    "failures": ["It hands over; expected is that it answers."], "change": "worse",
    "changes": ["It hands over; expected is that it answers."], "before": BEFORE, "before_right": True, "judged": None,
    "judged_by": None, "asked_at": LATER,
}  # fmt: skip


def _page(item: Any) -> dict[str, Any]:
    return {"items": [item], "next": None}


BY_NAME: dict[str, dict[str, Any]] = {
    "NewQuestion": NEW_QUESTION,
    "QuestionPatch": {"expect": "answer", "contains": ["three working days"]},
    "Question": QUESTION,
    "Questions": _page(QUESTION),
    "OfMessage": {"message_id": "c4d5e6f7-1a2b-4c3d-8e4f-5a6b7c8d9e44"},
    "Table": {"csv": "question,expect,contains\nHow long does delivery take?,answer,three working days\n"},
    "Imported": {"added": 12, "changed": 0, "same": 1},
    "NewRun": {"trial": {"settings": {"confidence": 0.85}, "articles": ["art_5f6370fa2b8f4605"], "without": []}},
    "Run": RUN,
    "Runs": _page(RUN),
    "Result": RESULT,
    "Results": _page(RESULT),
    "Judgement": {"right": True},
}
