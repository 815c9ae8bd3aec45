"""Both directions, pure."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onethread.gateway_slack.convert import mentioned, text_of
from onethread.gateway_slack.mrkdwn import split, to_mrkdwn, to_posts

from .conftest import fixture

DIFFERENT = {
    "User mention": "a customer could write it: only text, never a ping",
    "Channel mention": "a customer could write it: only text, never a link to a channel",
    "Code block with deprecated language declaration": "the first line may be a script's own",
}
TOKEN = re.compile(r"<[^<>]*>")
LINK = re.compile(r"<(https?://|mailto:)[^<>|]+(\|[^<>]*)?>")


def same(text: str) -> str:
    return text.replace("\u200b", "").strip()


def test_markdown_becomes_what_others_make_of_it_but_for_three_cases():
    pairs = fixture("mrkdwn/markdown_to_mrkdwn.json")
    assert len(pairs) == 49
    differ = {pair["name"] for pair in pairs if same(to_mrkdwn(pair["markdown"])) != same(pair["slack"])}
    assert differ == set(DIFFERENT)


def test_no_injection_gets_through():
    for case in fixture("mrkdwn/injection.json")["cases"]:
        posted = "\n".join(to_posts(case["text"]))
        assert not [bad for bad in case["must_not_contain"] if bad in posted], case["name"]


@given(st.lists(st.sampled_from([*"<>!@#|^*_~`[]()&\\ \n-.:/ax", "<!channel>", "<@U1>", "http://a.b", "](", "&lt;"])))
@example(["[<!channel>](http://a.b)"])
@example(["[x](http://a.b/<!here>)"])
@example(["![<@U1>](http://a.b '<!here>')"])
@example(["&lt;!channel&gt;"])
@example(["\ue000<\ue001!channel>"])
def test_every_token_in_a_post_is_a_plain_link(pieces: list[str]):
    for post in to_posts("".join(pieces)):
        left = TOKEN.sub(lambda token: "" if LINK.fullmatch(token[0]) else token[0], post)
        assert "<" not in left
        assert not re.search(r"^[^>\n]*[^> \n•0-9.][^\n]*>", left)  # a `>` stands only where a quote begins


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("he**l**lo", "he\u200b*l*\u200blo"),
        ("**a\nb**", "*a b*"),
        ("# A **bold** title", "*A bold title*"),
        ("1. x\n   - y\n2. z", "1.  x\n    •   y\n2.  z"),
        ("| a | b |\n|--|--|\n| 1 | **long** |", "```\na  b\n1  long\n```"),
        ("> one\n> two", "> one\n> two"),
        ("a<br>b", "a\nb"),
        ("<b>a</b>", "&lt;b&gt;a&lt;/b&gt;"),
        ("[a](ftp://x.example)", "a"),
        ("[a|b](https://x.example/p|q)", "<https://x.example/p%7Cq|a|b>"),
        ("~~~\na ``` b\n~~~", "```\na \u200b`\u200b`\u200b` b\n```"),
        ("", ""),
    ],
)
def test_markdown_becomes_mrkdwn(markdown: str, mrkdwn: str):
    assert to_mrkdwn(markdown) == mrkdwn


def test_code_that_is_cut_is_closed_and_reopened():
    posts = split("before\n\n```\n" + "\n".join(f"line {n}" for n in range(40)) + "\n```\nafter", 100)
    assert all(post.count("```") % 2 == 0 for post in posts)
    assert all(len(post) <= 100 for post in posts)
    assert [n for n in range(40) if f"line {n}\n" not in "\n".join(posts) + "\n"] == []


@given(st.lists(st.sampled_from(["word ", "x" * 70, "\n", "\n\n", "&amp;", "<https://a.b|c d>", "```\n", "> "])))
def test_splitting_keeps_the_limit_and_cuts_no_token(pieces: list[str]):
    text = "".join(pieces)
    posts = split(text, 60)
    assert all(len(post) <= 60 for post in posts)
    assert "".join(posts).count("<https://a.b|c d>") == text.count("<https://a.b|c d>")
    assert "".join(posts).count("&amp;") == text.count("&amp;")


NAMES = {"UBOT": "Support", "U2": "Bob Stone"}


def heard(text: str = "", *elements: dict, **more: object) -> str:
    blocks = [{"type": "rich_text", "elements": list(elements)}] if elements else []
    return text_of({"text": text, "blocks": blocks, **more}, NAMES, "UBOT")


@pytest.mark.parametrize(
    ("mrkdwn", "text"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<@UBOT> hello", "hello"),
        ("<@UBOT>, hello <@UBOT>", "hello @Support"),
        ("<@UBOT>", "@Support"),
        ("ask <@U2> or <@U3> or <@U4|dan>", "ask @Bob Stone or @U3 or @dan"),
        ("<#C1|general> <!here> <!subteam^S1|@team> <!date^1^{date}|Monday>", "#general @here @team Monday"),
        ("<https://a.example/?a=1&amp;b=2>", "https://a.example/?a=1&b=2"),
        ("<https://a.example|here | there>", "here | there (https://a.example)"),
        ("<http://a.example|a.example> <mailto:a@b.example|a@b.example>", "http://a.example a@b.example"),
        ("*bold* _it_ ~no~ snake_case_name 2*3*4", "bold it no snake_case_name 2*3*4"),
        ("`*kept*` ```_kept_```", "`*kept*` ```_kept_```"),
    ],
)
def test_mrkdwn_becomes_text(mrkdwn: str, text: str):
    assert heard(mrkdwn) == text


def test_rich_text_is_preferred_over_its_fallback():
    section = {
        "type": "rich_text_section",
        "elements": [
            {"type": "user", "user_id": "UBOT"},
            {"type": "text", "text": " is "},
            {"type": "text", "text": "rm -rf", "style": {"code": True}},
            {"type": "text", "text": " safe, ", "style": {"bold": True}},
            {"type": "user", "user_id": "U2"},
            {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fb"},
            {"type": "emoji", "name": "acme"},
            {"type": "link", "url": "https://a.example", "text": "see"},
            {"type": "broadcast", "range": "here"},
            {"type": "text", "text": "\n"},
        ],
    }
    items = [{"type": "rich_text_section", "elements": [{"type": "text", "text": t}]} for t in ("one", "two")]
    lists = {"type": "rich_text_list", "style": "ordered", "indent": 0, "elements": items}
    code = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "a\nb"}]}
    quote = {"type": "rich_text_quote", "elements": [{"type": "text", "text": "q\nr"}]}
    assert heard("fallback", section, lists, code, quote) == (
        "is `rm -rf` safe, @Bob Stone👋🏻:acme:see (https://a.example)@here\n1. one\n2. two\n```\na\nb\n```\n> q\n> r"
    )


def test_files_are_named_after_the_words():
    assert heard("look", files=[{"name": "a.png"}, {"id": "F1"}]) == "look\n[File: a.png]\n[File: F1]"


def test_what_no_database_takes_is_left_out():
    assert heard("a\x00b\ud800c") == "ab?c"


def test_mentions_are_found_with_and_without_a_name():
    assert mentioned({"text": "<@U1> <@U2|bob> @U3 &lt;@U4&gt;"}) == {"U1", "U2"}
