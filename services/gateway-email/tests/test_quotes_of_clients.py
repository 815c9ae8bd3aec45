"""Attributions, header blocks and signatures as clients write them in 26 languages, and what only looks like them."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.gateway_email.parsing import mime
from onethread.gateway_email.quoting.quotes import Said, from_html, new_text, split
from onethread.gateway_email.showing import markup

ATTRIBUTIONS = [
    "On Mon, 2 Nov 2026 at 09:00, Support <s@d.example> wrote:",
    "Am Mo., 2. Nov. 2026 um 09:00 Uhr schrieb Ana <a@x.example>:",
    "Ana Müller <a@x.example> schrieb am Mo., 2. Nov. 2026, 09:00:",
    "Ana Müller schrieb am 02.11.2026 um 09:00:",
    "Le lun. 2 nov. 2026 à 09:00, Ana <a@x.example> a écrit :",
    "El lun, 2 nov 2026 a las 9:00, Ana (<a@x.example>) escribió:",
    "Il giorno lun 2 nov 2026 alle ore 09:00 Ana <a@x.example> ha scritto:",
    "Op ma 2 nov 2026 om 09:00 schreef Ana <a@x.example>:",
    "Em seg., 2 de nov. de 2026 às 09:00, Ana <a@x.example> escreveu:",
    "Ana <a@x.example> escreveu no dia segunda, 2/11/2026 à(s) 09:00:",
    "pon., 2 lis 2026 o 09:00 Ana <a@x.example> napisał(a):",
    "po 2. 11. 2026 v 9:00 odesílatel Ana <a@x.example> napsal:",
    "Dne 2.11.2026 v 9:00 Ana napsal(a):",
    "po 2. 11. 2026 o 9:00 Ana <a@x.example> napísal(a):",
    "Den mån 2 nov. 2026 kl 09:00 skrev Ana <a@x.example>:",
    "man. 2. nov. 2026 kl. 09.00 skrev Ana <a@x.example>:",
    "ma 2. marrask. 2026 klo 9.00 Ana (a@x.example) kirjoitti:",
    "Ana <a@x.example> ezt írta (időpont: 2026. nov. 2., H, 9:00):",
    "În lun., 2 nov. 2026 la 09:00, Ana <a@x.example> a scris:",
    "pon, 2. stu 2026. u 09:00 Ana <a@x.example> napisao je:",
    "пн, 2 нояб. 2026 г. в 09:00, Ana <a@x.example>:",
    "2 ноября 2026 г., 09:00, Ana написала:",
    "пн, 2 лист. 2026 р. о 09:00 Ana <a@x.example> пише:",
    "Ana <a@x.example>, 2 Kas 2026 Pzt, 09:00 tarihinde şunu yazdı:",
    "2026年11月2日(月) 9:00 Ana <a@x.example>:",
    "Ana <a@x.example> 于2026年11月2日周一 09:00写道：",
    "在 2026年11月2日，09:00，Ana 写道：",
    "2026년 11월 2일 (월) 오전 9:00, Ana <a@x.example>님이 작성:",
    "El dl., 2 de nov. 2026, 9:00, Ana <a@x.example> va escriure:",
    "Στις Δευ 2 Νοε 2026 στις 9:00 π.μ., ο χρήστης Ana <a@x.example> έγραψε:",
    "\u202bבתאריך יום ב׳, 2 בנוב׳ 2026 ב-9:00 מאת \u202aAna\u202c\u200f <\u202aa@x.example\u202c\u200f>:\u202c",
    "---- On Mon, 02 Nov 2026 09:00:00 +0000 Ana <a@x.example> wrote ----",
    "On 2 Nov 2026, at 09:00, Ana Maria Longlastname de la Casa Grande\n<a@x.example> wrote:",
    "Ana <a@x.example> writes:",
    "Ana Maria <a@x.example> wrote on Mon, 2 Nov 2026 09:00:",
    "On Monday, November 2, 2026, Ana <a@x.example> wrote:",
    "Quoting Ana <a@x.example>:",
    "Citando Ana <a@x.example>:",
    "Zitat von Ana <a@x.example>:",
    "* Ana <a@x.example> [2026-11-02 09:00]:",
    "Hi Bob, on 2026-11-02 you wrote:",
    "On Nov 2, 2026 9:00 AM, Ana wrote:",
]

HEADERS = [
    "From: A <a@x>\nSent: Mo 1\nTo: B\nSubject: x",
    "Von: A\nGesendet: Mo\nAn: B\nCc: D\nBetreff: x",
    "De : A\nEnvoyé : lundi\nÀ : B\nObjet : x",
    "De: A\nEnviado: l\nPara: B\nAsunto: x",
    "De: A\nEnviada em: l\nPara: B\nAssunto: x",
    "Da: A\nInviato: l\nA: B\nOggetto: x",
    "Van: A\nVerzonden: m\nAan: B\nOnderwerp: x",
    "Fra: A\nSendt: m\nTil: B\nEmne: x",
    "Från: A\nSkickat: m\nTill: B\nÄmne: x",
    "Lähettäjä: A\nLähetetty: m\nVastaanottaja: B\nAihe: x",
    "Od: A\nWysłano: p\nDo: B\nTemat: x",
    "Od: A\nOdesláno: p\nKomu: B\nPředmět: x",
    "Od: A\nOdoslané: p\nKomu: B\nPredmet: x",
    "Feladó: A\nElküldve: h\nCímzett: B\nTárgy: x",
    "De la: A\nTrimis: l\nCătre: B\nSubiect: x",
    "Od: A\nPoslano: p\nPrima: B\nPredmet: x",
    "От: A\nОтправлено: п\nКому: B\nТема: x",
    "Від: A\nНадіслано: п\nКому: B\nТема: x",
    "Kimden: A\nGönderildi: p\nKime: B\nKonu: x",
    "差出人: A\n送信日時: m\n宛先: B\n件名: x",
    "发件人: A\n发送时间: m\n收件人: B\n主题: x",
    "寄件者: A\n寄件日期: m\n收件者: B\n主旨: x",
    "보낸 사람: A\n보낸 날짜: m\n받는 사람: B\n제목: x",
    "De: A\nEnviat: d\nPer a: B\nAssumpte: x",
    "Από: A\nΣτάλθηκε: d\nΠρος: B\nΘέμα: x",
    "מאת: A\nנשלח: d\nאל: B\nנושא: x",
]

PHONES = [
    "Sent from my iPhone",
    "Von meinem iPhone gesendet",
    "Gesendet von Mail für Windows",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Verzonden vanaf mijn iPhone",
    "Enviado do meu iPhone",
    "Skickat från min iPhone",
    "Sendt fra min iPhone",
    "Lähetetty iPhonesta",
    "Wysłane z iPhone'a",
    "Odesláno z iPhonu",
    "Odoslané z iPhonu",
    "Отправлено с iPhone",
    "Надіслано з iPhone",
    "iPhone'umdan gönderildi",
    "iPhoneから送信",
    "发自我的 iPhone",
    "나의 iPhone에서 보냄",
    "Trimis de pe iPhone-ul meu",
    "Poslano s mog iPhonea",
    "Enviat des de l'iPhone",
    "Στάλθηκε από το iPhone μου",
    "נשלח מה-iPhone שלי",
    "Get Outlook for Android",
    "Sent from Yahoo Mail on Android",
    "Outlook für iOS beziehen",
    "Obtenir Outlook pour iOS",
]

LOOK_ALIKES = [
    "On the other hand, I like it.\nThanks",
    "On 3 May I ordered:\n- a lamp\n- a chair",
    "On 3 May 2025 I wrote:\nplease help",
    "Please call at 10:30 to ana@x.com:\nthanks",
    "From: Berlin\nTo: Paris\nDate: 3 May\nHow much?",
    "The log says:\n2026-11-02 09:00 error: it broke\nWhy?",
    "I got this error:\n-----\nfoo\n-----\nwhat now",
    "He wrote at 10:30:\nhello there",
    "A: yes\nDe: no",
    "steps:\n1. x\n2. y\n--- then\nz",
    "The manual of 2026 reads:\npress A\nIs it so?",
    "Date: 3 May\nSubject: tests\nTo: all\nplease",
    "Order from 2026-11-02 10:00 (ana@x.example):\n- lamp",
    "Sent from my old account the file is bigger\nthanks",
    "El 2 de mayo de 2026 compré esto:\nlampara",
    "Am 02.11.2026 um 10:00 habe ich bestellt:\nLampe",
    "Look:\n\n> Begin forwarded message:\n>\n> From: Ana\n> Subject: x\n>\n> hello",
    "My wife wrote:\nplease cancel",
    "On 12.05.2026 the courier wrote me a note saying:\nnobody home\nBut I was there.",
    "-------- Forwarded Message --------\nSubject: x\n\nhello\n\nOn 2 Nov 2026, Ana <a@x.example> wrote:\n> x",
]


HOSTILE = [
    "On " * 300_000, " " * 1_000_000, "\n" * 1_000_000, "From: a\n" * 125_000, "-" * 1_000_000, "On 1\n" * 200_000,
    ">" * 1_000_000, "> a\nb\n" * 160_000, "\n_\n" * 300_000, "a:\n" * 330_000, "wrote:\n" * 140_000,
    "On 2026 wrote\n" * 70_000, "--\n" * 330_000, "From: a\nTo: b\n\n" * 60_000, "> a\na:\n" * 140_000,
    "\u200b" * 1_000_000, "a@a:\n" * 200_000, "<a@" * 330_000 + ":", "2026 " * 200_000 + ":",
    "sent from my x\n\n" * 62_000, ("2026 <a@b.c> " * 25 + ":\n") * 3_000,
    "On Mon, 2 Nov 2026, Ana <a@x.example> wrote:\n> q\n\n" * 20_000,
    "ana wrote:\nab> x\n" * 60_000, "ana wrote:\n[...]\n" * 60_000, ">>> a@b.c 10:00 >>>\n" * 50_000,
    "to\ncc\nsubject\n" * 70_000, "on 2026 <a@b.cc> wrote:  " * 40_000, "[(" * 500_000, ". " * 500_000,
    "_____\nto: a\n\n" * 70_000, "|" * 1_000_000, "---- 原 ----\n" * 80_000, "a, 1.1.2026 16:17:\n> x\n" * 40_000,
    "_" * 20 + "\na: <a@b.c>\nb: 1.1.2026\nc: d\n", ("_" * 20 + "\na: <a@b.c>\nb: c\n") * 25_000,
    "from: a@b.c date: 1.1.2026\nx\n" * 35_000, "> x\n<http\n" * 100_000,
]  # fmt: skip
PIECES = [
    "On Mon, 2 Nov 2026 at 09:00, Ana <a@x.example> wrote:", "> quoted", ">> deeper", "", "my words", "-- ", "--",
    "From: Ana <a@x.example>", "Sent: Monday", "To: Bob", "Subject: x", "-----Original Message-----", "_" * 32,
    "Sent from my iPhone", "---------- Forwarded message ---------", "A long line " * 8, "wrote:", ">:", "\ue005",
    "---- 回复的原邮件 ----", "Ana, 1.1.2026 16:17:", "From: a@x.example Date: 1.1.2026", "Nork: A <a@b.c>", "<http://x",
]  # fmt: skip


def words(text: str) -> Counter[str]:
    return Counter(text.split())


@pytest.mark.parametrize("between", ["\n", "\n\n"])
@pytest.mark.parametrize("history", ["> Old words", "Old words of 3\nlines"])
@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_attribution_of_any_language_ends_the_new_words(attribution: str, history: str, between: str):
    said = split(f"My new words.{between}{attribution}\n\n{history}")
    assert (said.new, said.quoted) == ("My new words.", f"{attribution}\n\n{history}")


@pytest.mark.parametrize("above", ["", "________________________________\n", "-----Original Message-----\n"])
@pytest.mark.parametrize("header", HEADERS)
def test_a_header_block_of_any_language_ends_the_new_words(header: str, above: str):
    said = split(f"My new words.\n\n{above}{header}\n\nOld words\n\nRegards")
    assert (said.new, said.quoted) == ("My new words.", f"{above}{header}\n\nOld words\n\nRegards")


@pytest.mark.parametrize("phone", PHONES)
def test_the_line_that_a_phone_adds_is_a_signature(phone: str):
    said = split(f"My new words.\n\n{phone}\n\nOn Mon, 2 Nov 2026 at 09:00, Ana <a@x.example> wrote:\n> x")
    assert (said.new, said.signature) == ("My new words.", phone)


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_what_only_looks_like_history_or_a_signature_is_new(text: str):
    assert (split(text).new.split(), split(text).quoted, split(text).signature) == (text.split(), "", "")


def test_answers_between_quotes_stay_with_what_they_answer_and_the_rest_of_the_quote_goes():
    above = "Hi\n\nOn Mon, 2 Nov 2026, Ana <a@x.example> wrote:\n> Red?\n\nYes.\n\n> Big?\n\nNo."
    assert split(f"{above}\n\n> Thanks\n> Ana").new == above


def test_an_answer_below_the_only_quote_stands_alone():
    said = split("On Mon, 2 Nov 2026, Ana wrote:\n> Red?\n> Big?\n\nBoth.\n\n-- \nBob")
    assert (said.new, said.signature) == ("Both.", "--\nBob")


def test_the_broken_rest_of_a_quoted_line_is_no_answer():
    long = "> We have looked into what you wrote to us last week about the lamp and found"
    assert (
        split(f"Thanks!\n\nOn Mon, 2 Nov 2026, Ana <a@x.example> wrote:\n{long}\nthat it broke.\n> Ana").new
        == "Thanks!"
    )


def test_a_signature_is_told_apart_and_stays_in_what_teammates_read():
    text = "It broke.\n\n--\nBob\n+49 30 1234"
    assert (split(text).new, split(text).signature, new_text(text)) == ("It broke.", "--\nBob\n+49 30 1234", text)


def test_the_footer_of_a_list_is_none_of_the_authors_words():
    footer = "_______________________________________________\nlamps mailing list\nlamps@lists.example"
    assert (split(f"It broke.\n\n{footer}").new, split(f"It broke.\n\n{footer}").signature) == ("It broke.", footer)


def test_two_addressed_fields_are_a_header():
    assert split("Ok\n\nFrom: Ana <a@x.example>\nTo: Bob <b@x.example>\nold").new == "Ok"


def test_a_row_with_any_words_above_a_header_goes_with_it():
    assert split("Ok\n\n-------- Original --------\nFrom: Ana\nDate: 2026\nSubject: x\n\nold").new == "Ok"


def test_a_notice_of_secrecy_below_the_quote_is_no_answer():
    notice = "_____________________________\nThis email is confidential"
    assert split(f"Thanks\n\n> old\n\n{notice}") == Said("Thanks", "> old", notice)


GMAIL = '<div dir="ltr">Yes.</div><div class="gmail_quote"><div class="gmail_attr">Whatever it says</div>{}</div>'
HTML = [
    GMAIL.format("<blockquote>Old words</blockquote>"),
    '<p>Yes.</p><hr><div id="divRplyFwdMsg">In no known tongue</div><p>Old words</p>',
    '<p>Yes.</p><div class="moz-cite-prefix">In no known tongue</div><blockquote type="cite">Old words</blockquote>',
    '<p>Yes.</p><div class="yahoo_quoted_123 yahoo_quoted">Old words</div>',
    '<p>Yes.</p><div class="protonmail_quote">Old words</div>',
    '<p>Yes.</p><blockquote style="border-left: 1px solid #ccc">Old words</blockquote>',
    '<p>Yes.</p><div class="zmail_extra">Old words</div>',
    '<div>Yes.</div><hr id="zwchr" data-marker="__DIVIDER__"><div>x</div><div>Old words</div>',
]


@pytest.mark.parametrize("source", HTML)
def test_what_html_marks_as_quoted_is_cut_without_knowing_the_language(source: str):
    said = from_html(source)
    assert said is not None
    assert (said.new, "Old words" in said.quoted) == ("Yes.", True)


def test_html_that_marks_nothing_is_left_to_its_words():
    assert from_html("<p>Yes.</p><p>No.</p>") is None


def test_answers_between_quotes_of_html_stay():
    said = from_html(
        "<blockquote type=cite>Red?</blockquote><p>Yes.</p><blockquote type=cite>Big?</blockquote><p>No.</p>"
    )
    assert said is not None
    assert said.new.split() == [">", "Red?", "Yes.", ">", "Big?", "No."]


def test_a_paragraph_that_somebody_only_indented_is_theirs():
    indented = (
        '<div class="gmail_signature">Bob</div><blockquote style="margin:0 0 0 40px;border:none">My point</blockquote>'
    )
    said = from_html(f"<p>Look:</p>{indented}")
    assert said is not None
    assert (said.new.split(), said.signature.strip()) == (["Look:", "My", "point"], "Bob")


def test_what_html_forwards_is_all_new():
    forward = "---------- Forwarded message ---------<br>From: Ana"
    said = from_html(GMAIL.format("").replace("Whatever it says", forward) + '<div class="gmail_signature">Bob</div>')
    assert said is not None
    assert "From: Ana" in said.new


def test_the_known_replies_are_told_apart(email_fixtures: Path):
    cases = json.loads((email_fixtures / "reply" / "expected.json").read_text())
    right = sum(is_right(case, text_of(email_fixtures / "reply" / case["file"])) for case in cases)
    assert right / len(cases) > 0.95


def text_of(file: Path) -> str:
    raw = file.read_bytes()
    return mime.parse(raw).text if file.suffix == ".eml" else raw.decode("utf-8", "replace")


def is_right(case: dict, text: str) -> bool:
    started = time.process_time()
    said = split(text)
    assert time.process_time() - started < 10, case["id"]
    if "must_contain" in case:
        return all(w in said.new for w in case["must_contain"]) and not any(
            w in said.new for w in case["must_not_contain"]
        )
    wanted = [case["reply"], *case.get("also_accepted", [])]
    wanted += [f"{one} {signature}" for one in wanted for signature in case.get("optional_signature", [])]
    return said.new.split() in [one.split() for one in wanted]


def test_the_known_html_replies_are_told_apart(email_fixtures: Path):
    cases = json.loads((email_fixtures / "reply_html" / "expected.json").read_text())
    for case in [case for case in cases if "visible_text" in case]:
        source = (email_fixtures / "reply_html" / case["file"]).read_text(errors="replace")
        said = from_html(source) or split(markup.as_text(source))
        assert said.new.split() == case["visible_text"].split(), case["file"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=40), max_size=25))
def test_no_word_is_lost_or_doubled(pieces: list[str]):
    text = "\n".join(pieces).replace("\ue005", "")
    said = split(text)
    assert words(said.new) + words(said.quoted) + words(said.signature) == words(text)
    assert bool(said.new.strip()) == bool(text.strip())


@given(
    st.lists(
        st.sampled_from(
            [
                *HTML,
                "</div>",
                "<blockquote type=cite>",
                "<blockquote>",
                "<!-- a -->",
                "a@b wrote:",
                "\ue001",
                "&#xe002;",
                "words",
            ]
        ),
        max_size=8,
    )
)
def test_no_letter_of_html_is_lost_whatever_its_shape(pieces: list[str]):
    source = "".join(pieces)
    said = from_html(source)
    if said:
        assert letters(said.new + said.quoted + said.signature) == letters(markup.as_text(source))


def letters(text: str) -> Counter[str]:
    return Counter(letter for letter in text if letter.isalnum())


@pytest.mark.parametrize(
    "piece",
    ["x:<blockquote>x</blockquote>", "On 1.1.2026 16:17 a wrote:<blockquote>x</blockquote>", "<p>a:</p><blockquote>",
     "<div style='border-top:solid'><b>a:</b></div>", "<div style='border-top:solid'><b>a:</b>",
     "<i style='" + "border-top:" * 20_000 + "'>a</i>"],
)  # fmt: skip
def test_a_million_hostile_letters_of_html_come_to_an_end(piece: str):
    started = time.process_time()
    from_html(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 10


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_a_million_hostile_characters_come_to_an_end(hostile: str):
    started = time.process_time()
    split(hostile)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "source",
    [
        '<div class="gmail_quote">' * 240 + "<br>" * 150_000,
        "<blockquote type=cite>a</blockquote>" * 25_000,
        "<p class=moz-signature>a" * 40_000,
    ],
    ids=["deep", "many quotes", "many signatures"],
)
def test_hostile_html_takes_little_more_than_its_text(source: str):
    started = time.process_time()
    markup.as_text(source)
    plain = time.process_time() - started
    started = time.process_time()
    from_html(source)
    assert time.process_time() - started < 3 * plain + 10


@pytest.mark.parametrize("shape", ["a:\n", "wrote:\n", "\n_\n", "> a\nb\n", "From: a\nTo: b\n\n", "--\n"])
def test_twice_the_text_takes_no_more_than_three_times_the_time(shape: str):
    def seconds(times: int) -> float:
        started = time.process_time()
        split(shape * times)
        return time.process_time() - started

    once = min(seconds(8_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(3)) < 3 * once
