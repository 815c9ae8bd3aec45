"""Replies of some fifty mail programs in thirty languages, each written before it was ever read."""

from __future__ import annotations

import pytest

from .told_apart import Reply, replies

OPEN = pytest.mark.xfail(strict=True, reason="nothing but what it means tells it")
ALL = [pytest.param(reply, id=reply.name, marks=OPEN if reply.is_open else ()) for reply in replies()]


@pytest.mark.parametrize("reply", ALL)
def test_new_words_history_and_signature_are_told_apart(reply: Reply):
    assert reply.found()[0] in reply.rights()


@pytest.mark.parametrize("reply", [one for one in ALL if not one.marks])
def test_no_word_of_the_author_is_lost(reply: Reply):
    assert reply.lost == []
