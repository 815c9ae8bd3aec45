from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from lxml import html as trees

from onethread.gateway_email.parsing import mime
from onethread.gateway_email.showing import markup
from onethread.gateway_email.showing.shown import shown

HISTORY = "<summary>Earlier messages</summary>"
SIGNATURE = "<summary>Signature</summary>"
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def rich(said: str, *, plain: str | None = None) -> str:
    return shown(mime.parse(mail_of(said, plain))) or ""


def mail_of(said: str, plain: str | None = None) -> bytes:
    if plain is None:
        return b"From: a@x.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + said.encode()
    return (
        'From: a@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain}\r\n"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{said}\r\n--b--\r\n"
    ).encode()


def plain(said: str) -> str | None:
    return shown(mime.parse(b"From: a@x.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + said.encode()))


def unfolded(html: str) -> str:
    """The words that are seen before anything is opened."""
    tree = trees.document_fromstring(html)
    for fold in tree.findall(".//details"):
        fold.drop_tree()
    return " ".join(tree.text_content().split())


def letters(text: str) -> str:
    return "".join(text.split())


# History and signature


def test_what_the_mail_program_marks_as_quoted_is_folded():
    said = rich(
        '<div dir="ltr">Thanks!</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon, 2 Nov 2026, Desk '
        "&lt;d@x.example&gt; wrote:</div><blockquote>Old words</blockquote></div>"
    )
    assert said.startswith('<div dir="ltr">Thanks!</div><br><details>' + HISTORY)
    assert unfolded(said) == "Thanks!"
    assert "Old words" in said


def test_history_without_marks_is_folded_to_its_end():
    said = rich(
        "<p>It is lamp 7.</p><div><b>From:</b> Desk &lt;d@x.example&gt;<br><b>Sent:</b> Monday, 2 November 2026<br>"
        "<b>To:</b> Ana<br><b>Subject:</b> Re: Lamp</div><p>Which lamp?</p><table><tr><td>Desk</td></tr></table>"
    )
    assert unfolded(said) == "It is lamp 7."
    assert said.count("<details>") == 1


def test_answers_between_quotes_stay_where_they_are():
    said = rich(
        "<blockquote type=cite>Which lamp?</blockquote><p>Seven.</p><blockquote type=cite>When?</blockquote><p>Now.</p>"
    )
    assert "<details>" not in said


def test_an_answer_below_a_quote_is_seen():
    assert unfolded(rich("<blockquote type=cite>Which lamp?</blockquote><p>Seven.</p>")) == "Seven."


def test_a_forward_is_not_folded():
    said = rich(
        "<p>See below</p><div>---------- Forwarded message ---------<br>From: Bo &lt;bo@x.example&gt;<br>"
        "Date: Mon, 2 Nov 2026<br>Subject: Lamp<br>To: Ana</div><p>My lamp broke.</p>"
    )
    assert "<details>" not in said


def test_a_signature_is_folded_with_its_logo():
    said = rich(
        '<p>Hi</p><div class="gmail_signature">Ana Ruiz<br>Acme<br><img src="https://acme.example/logo.png"></div>'
    )
    assert SIGNATURE in said
    assert unfolded(said) == "Hi"
    assert said.index("<details>") < said.index("<img") < said.index("</details>")


def test_rows_of_a_table_are_folded_within_their_cells():
    said = rich("<table><tr><td>New</td></tr><tr><td><blockquote type=cite>Old</blockquote></td></tr></table>")
    assert unfolded(said) == "New"
    assert re.search(r"<td><details><summary>[^<]*</summary><blockquote>Old", said)


def test_a_plain_mail_with_history_is_shown_whole_with_its_links():
    said = plain(
        "See https://x.example/a?b=1&c=2.\n\nOn Mon, 2 Nov 2026 at 10:00, Desk <d@x.example> wrote:\n> Old words\n"
    )
    assert said
    assert 'href="https://x.example/a?b=1&amp;c=2"' in said
    assert unfolded(said) == "See https://x.example/a?b=1&c=2."
    assert "&gt; Old words" in said


def test_a_plain_mail_of_new_words_alone_needs_no_html():
    assert plain("Hello\nthere") is None


def test_no_word_is_lost_by_folding(email_fixtures: Path):
    for path in sorted((email_fixtures / "reply_html").glob("*.html")):
        source = path.read_text(encoding="utf-8", errors="replace")
        words = trees.document_fromstring(rich(source).replace(HISTORY, "").replace(SIGNATURE, "")).text_content()
        assert letters(words) == letters(trees.document_fromstring(markup.sanitized(source) or "").text_content()), path


def test_what_is_seen_before_anything_is_opened_is_what_the_author_wrote(email_fixtures: Path):
    folder = email_fixtures / "reply_html"
    cases = [case for case in json.loads((folder / "expected.json").read_text()) if "visible_text" in case]
    assert len(cases) > 5
    for case in cases:
        seen = unfolded(rich((folder / case["file"]).read_text()))
        assert letters(seen) == letters(case["visible_text"]), case["file"]


@pytest.mark.parametrize(
    "hostile",
    [
        "<p>a<br>" * 60_000,
        "New<br>On Mon, 2 Nov 2026 at 10:00, Ann &lt;a@b.example&gt; wrote:<br>" + "&gt; a<br>" * 40_000,
        "<div class=gmail_quote>a</div>b" * 14_000,
        "<b>a</b>&gt; b<br>" * 25_000,
        "<table><tr><td>a</td></tr></table>" * 14_000,
        "<blockquote type=cite>" * 240 + "a<br>" * 60_000,
    ],
)
def test_hostile_html_is_folded_in_time(hostile: str):
    started = time.process_time()
    rich(hostile, plain="Hi")
    assert time.process_time() - started < 10


# Pictures


def test_pictures_of_other_servers_keep_their_address_and_fetch_nothing():
    said = rich('<img src="https://a.example/p.png?a=1&amp;b=2" alt="Logo"><img src=//B.example/q.png>')
    assert 'data-picture="https://a.example/p.png?a=1&amp;b=2"' in said
    assert 'data-picture="https://b.example/q.png"' in said
    assert " src=" not in said


def test_pictures_of_the_mail_are_named_by_their_content():
    raw = (
        b'From: a@x.example\r\nContent-Type: multipart/related; boundary="b"\r\n\r\n'
        b'--b\r\nContent-Type: text/html\r\n\r\n<p>Hi <img src="cid:one@x"></p>\r\n'
        b"--b\r\nContent-Type: image/png\r\nContent-ID: <one@x>\r\n\r\npng\r\n--b--\r\n"
    )
    mail = mime.parse(raw)
    assert f'data-file="{mail.attachments[0].sha256}"' in (shown(mail) or "")


@pytest.mark.parametrize(
    "source",
    [
        "http://10.0.0.1/x.png",
        "http://localhost/x.png",
        "http://[::1]/x.png",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "/x.png",
        "x.png",
        "http://user:secret@x.example/x.png",
        "http://router/x.png",
    ],
)
def test_addresses_that_are_never_fetched_are_not_kept(source: str):
    assert rich(f'<p>Hi</p><img src="{source}">') == '<p>Hi</p><img alt="Picture">'


@pytest.mark.parametrize("size", ['width="1" height="1"', 'height="0"', 'style="width:1px;height:1px"', 'width="1px"'])
def test_spying_pictures_are_dropped(size: str):
    assert "<img" not in rich(f'<p>Hi</p><img src="https://spy.example/o.gif" {size}>')


def test_a_picture_in_the_html_itself_is_kept_and_a_document_is_not():
    assert f'src="{PIXEL}"' in rich(f'<img src="{PIXEL}">')
    for other in ("data:text/html;base64,PGI+", "data:image/svg+xml;base64,PHN2Zz4="):
        assert " src=" not in rich(f'<p>Hi</p><img src="{other}">')
        assert "href" not in rich(f'<a href="{other}">Hi</a>')


def test_a_sender_cannot_say_by_hand_what_a_picture_is():
    said = rich(f'<p>Hi</p><img data-file="{"a" * 64}" data-picture="http://10.0.0.1/" src="https://a.example/p.png">')
    assert "data-file" not in said
    assert "10.0.0.1" not in said


# Links


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ('<a href="https://evil.example/x">https://bank.example/login</a>', "evil.example"),
        ('<a href="https://bank.example@evil.example/">bank.example</a>', "evil.example"),
        ('<a href="https://bank.example.evil.example/">www.bank.example</a>', "bank.example.evil.example"),
        ('<a href="https://b\u0430nk.example/">bank.example</a>', "xn--bnk-6cd.example"),
        ('<a href="mailto:help@evil.example?subject=x">help@bank.example</a>', "evil.example"),
    ],
)
def test_a_link_that_names_another_host_says_where_it_leads(link: str, host: str):
    assert f"[leads to {host}]" in rich(link)


@pytest.mark.parametrize(
    "link",
    [
        '<a href="https://www.bank.example/x">bank.example</a>',
        '<a href="https://shop.bank.example/">bank.example</a>',
        '<a href="https://evil.example/">Click here</a>',
        '<a href="https://evil.example/">Fig. 2, see there</a>',
        '<a href="mailto:help@bank.example">help@bank.example</a>',
    ],
)
def test_other_links_are_left_as_they_are(link: str):
    assert "leads to" not in rich(link)


# Styles


def test_styles_keep_looks_and_lose_what_fetches_or_moves():
    said = rich(
        '<p style="color: red; position:fixed; background:url(https://spy.example/x); margin-left:-900px; '
        "font-family: 'A b', serif; width:expression(alert(1)); background-color:rgb(1, 2, 3)\">Hi</p>"
    )
    assert said == "<p style=\"color:red;font-family:'A b', serif;background-color:rgb(1, 2, 3)\">Hi</p>"


# Mails that are attached


def with_attached(note: str, inner: str, kind: str = "text/plain") -> bytes:
    return (
        'From: a@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="m"\r\n\r\n'
        f"--m\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{note}\r\n"
        "--m\r\nContent-Type: message/rfc822\r\n\r\n"
        "From: Bo <bo@y.example>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nSubject: <Old> invoice\r\n"
        f"Content-Type: {kind}; charset=utf-8\r\n\r\n{inner}\r\n--m--\r\n"
    ).encode()


def test_an_attached_mail_can_be_read_where_it_stands_folded():
    said = shown(mime.parse(with_attached("See below.", "You owe us 5.")))
    assert said
    assert unfolded(said) == "See below."
    assert "<summary>Attached mail: &lt;Old&gt; invoice</summary>" in said
    assert "From Bo &lt;bo@y.example&gt;, Mon, 02 Nov 2026 10:00:00 +0000" in said
    assert "You owe us 5." in said


def test_an_attached_mail_is_as_harmless_as_the_one_around_it():
    inner = '<b onclick="x()">Hi</b><script>x()</script><img src="https://x.example/a.png"></div></details><p>out</p>'
    said = shown(mime.parse(with_attached("See below.", inner, "text/html"))) or ""
    assert "x()" not in said
    assert ' src="' not in said
    assert 'data-picture="https://x.example/a.png"' in said
    assert unfolded(said) == "See below."


def test_a_mail_of_an_attached_mail_alone_shows_what_that_says():
    mail = mime.parse(with_attached("", "You owe us 5."))
    assert mail.text == "You owe us 5."
    assert shown(mail) is None
