import itertools

from hypothesis import given
from hypothesis import strategies as st

from onethread.knowledge.chunking import CONTEXT_WORDS, PASSAGE_WORDS, chunk, embedding_text

ARTICLE = """# Delivery times

Orders leave within 2 days.

## Germany

2 to 3 working days.

### Islands

One day more.

## Express

Next day.
"""


def test_each_section_is_a_chunk_with_the_headings_that_lead_to_it():
    found = [(c.span.heading_path, c.text) for c in chunk("Delivery times", ARTICLE)]
    assert found == [
        ((), "Orders leave within 2 days."),
        (("Germany",), "2 to 3 working days."),
        (("Germany", "Islands"), "One day more."),
        (("Express",), "Next day."),
    ]


def test_a_short_article_is_answered_from_as_a_whole():
    contexts = {c.context for c in chunk("Delivery times", ARTICLE)}
    assert len(contexts) == 1
    context = contexts.pop()
    assert ARTICLE[context.start : context.end].startswith("Orders leave")
    assert ARTICLE[context.start : context.end].endswith("Next day.")


def test_a_context_carries_only_the_headings_that_all_of_it_shares():
    deep = "# Other\n\n## A\n\n" + "word " * 239 + "\n\n## B\n\n### C\n\nfirst\n\n### D\n\n" + "second " * 100
    assert [c.context.heading_path for c in chunk("Title", deep)][-2:] == [("Other", "B"), ("Other", "B")]


def test_a_long_section_is_cut_between_sentences_with_an_overlap():
    text = " ".join(f"Sentence number {n} says something about paper." for n in range(100))
    chunks = chunk("Long", text)
    assert len(chunks) > 4
    assert all(len(c.text.split()) <= PASSAGE_WORDS for c in chunks)
    assert all(c.text.startswith("Sentence") and c.text.endswith(".") for c in chunks)
    assert all(before.span.end > after.span.start for before, after in itertools.pairwise(chunks))
    assert chunks[0].span.start == 0
    assert chunks[-1].span.end == len(text)


def test_a_heading_in_a_code_block_is_no_heading():
    chunks = chunk("T", "Intro\n\n```\n# not a heading\n```\n")
    assert [c.span.heading_path for c in chunks] == [()]


def test_an_article_of_headings_alone_still_has_a_chunk():
    assert [c.text.strip() for c in chunk("T", "# One\n\n## Two\n")] == ["# One\n\n## Two"]


def test_what_is_embedded_has_the_path_and_no_marks():
    text = embedding_text("Shipping", ("Express",), 'See **here**: [prices](https://x.example/a_b "t"), or `code`.')
    assert text == "Shipping > Express\nSee here: prices, or code."


PIECES = st.sampled_from(
    ["# A", "## B", "### C/D", "one two. three!", "word " * 90, "```\n# x\n```", "", "* item", "é ñ 漢字。"]
)


@given(st.lists(PIECES, min_size=1, max_size=12).map("\n".join).filter(str.strip))
def test_chunks_are_slices_of_the_text_and_lie_within_their_context(text):
    for c in chunk("A", text):
        assert c.text == text[c.span.start : c.span.end]
        assert c.text.strip()
        assert c.context.start <= c.span.start < c.span.end <= c.context.end
        assert len(text[c.context.start : c.context.end].split()) <= max(CONTEXT_WORDS, PASSAGE_WORDS)
