"""Replies of some fifty mail programs in thirty languages, each written before it was ever read."""

from __future__ import annotations

import pytest

from .told_apart import Reply, replies

ALL = list(replies())


@pytest.mark.parametrize("reply", ALL, ids=[reply.name for reply in ALL])
def test_new_words_history_and_signature_are_told_apart(reply: Reply):
    assert reply.found()[0] in (reply.words("+"), reply.words("+~"))


@pytest.mark.parametrize("reply", ALL, ids=[reply.name for reply in ALL])
def test_no_word_of_the_author_is_lost(reply: Reply):
    assert reply.lost == []
