# ruff: noqa: E501, ISC004 - the lines of mails are as long as mail programs write them
from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.gateway_email.parsing import mime
from onethread.gateway_email.quoting.forwards import Forward, forward, original
from onethread.gateway_email.quoting.people import Person, people
from onethread.gateway_email.showing import markup


def words(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())


def shown(person: Person | None) -> dict[str, str | None] | None:
    return {"name": person.name, "address": person.address} if person else None


def as_expected(found: Forward | None) -> dict:
    if found is None:
        return {"forwarded": False}
    return {
        "forwarded": True,
        "message": words(found.message),
        "subject": words(found.subject),
        "body": words(found.body),
        "date_present": bool(found.date),
        "from": shown(found.from_),
        "to": [shown(one) for one in found.to],
        "cc": [shown(one) for one in found.cc],
        "to_addresses": [one.address for one in found.to],
    }


def test_every_field_of_the_known_forwards_is_read(email_fixtures: Path):
    folder = email_fixtures / "forward"
    wrong = {}
    for case in json.loads((folder / "expected.json").read_text()):
        subject = (folder / case["subject_file"]).read_text() if case["subject_file"] else None
        found = as_expected(forward((folder / case["body_file"]).read_text(), subject))
        expected = {key: words(value) if isinstance(value, str) else value for key, value in case["expect"].items()}
        off = {key: found.get(key) for key, value in expected.items() if found.get(key) != value}
        if off:
            wrong[case["id"]] = off
    assert not wrong


def test_no_known_answer_is_taken_for_a_forward(email_fixtures: Path):
    for case in json.loads((email_fixtures / "reply" / "expected.json").read_text()):
        raw = (email_fixtures / "reply" / case["file"]).read_bytes()
        if case["file"].endswith(".eml"):
            mail = mime.parse(raw)
            found = forward(mail.text, mail.header("Subject"))
        else:
            found = forward(raw.decode("utf-8", "replace"))
        assert found is None, case["id"]


def test_known_html_mails_are_unwrapped(email_fixtures: Path):
    folder = email_fixtures / "reply_html"
    for case in json.loads((folder / "expected.json").read_text()):
        expected = case.get("unwrapped")
        if not expected:
            continue
        # Outlook's form is the same for both: there, only the subject of the mail tells.
        subject = {"forward": "Fwd: ", "reply": "Re: "}[expected["type"]] + "of the mail"
        found = original(markup.as_text((folder / case["file"]).read_text()), subject)
        assert found, case["file"]
        assert {
            "type": found.kind,
            "from": shown(found.from_),
            "date": found.date,
            "subject": found.subject if "subject" in expected else None,
            "to": [shown(one) for one in found.to],
        } == {
            "type": expected["type"],
            "from": shown(people(expected["from"])[0]),
            "date": expected["date"],
            "subject": expected.get("subject"),
            "to": [shown(one) for one in people(expected.get("to", ""))],
        }, case["file"]


JANE = Person("Jane Roe", "jane@acme.example")
JOE = Person("Joe Low", "joe@acme.example")
BODY = "The lamp is broken.\n\nJane"

# What clients write: the line above (Apple Mail, Thunderbird, Gmail, Yahoo, web mailers), and their words for the fields.
LANGUAGES = {
    "en": ("Begin forwarded message:|-------- Forwarded Message --------", "From", "Date", "To", "Cc", "Subject", "Fw"),
    "de": ("Anfang der weitergeleiteten Nachricht:|-------- Weitergeleitete Nachricht --------",
           "Von", "Gesendet", "An", "Cc", "Betreff", "WG"),
    "fr": ("Début du message réexpédié :|-------- Message transféré --------|----- Mail transféré -----",
           "De ", "Envoyé ", "À ", "Cc ", "Objet ", "TR"),
    "es": ("Inicio del mensaje reenviado:|-------- Mensaje reenviado --------",
           "De", "Enviado el", "Para", "CC", "Asunto", "RV"),
    "it": ("Inizio messaggio inoltrato:|-------- Messaggio Inoltrato --------",
           "Da", "Inviato", "A", "Cc", "Oggetto", "I"),
    "nl": ("Begin doorgestuurd bericht:|-------- Doorgestuurd bericht --------",
           "Van", "Verzonden", "Aan", "CC", "Onderwerp", "FW"),
    "pt": ("Início da mensagem reencaminhada:|-------- Mensagem reencaminhada --------",
           "De", "Enviado", "Para", "Cc", "Assunto", "FW"),
    "pt-BR": ("Início da mensagem encaminhada:|-------- Mensagem encaminhada --------|---------- Mensagem encaminhada ---------",
              "De", "Enviada em", "Para", "Cc", "Assunto", "ENC"),
    "pl": ("Początek przekazywanej wiadomości:|-------- Przekazana wiadomość --------|---------- Wiadomość przekazana dalej ----------",
           "Od", "Wysłano", "Do", "DW", "Temat", "PD"),
    "cs": ("Začátek přeposílané zprávy:|-------- Přeposlaná zpráva --------",
           "Od", "Odesláno", "Komu", "Kopie", "Předmět", "FW"),
    "sk": ("Začiatok preposlanej správy:|-------- Preposlaná správa --------",
           "Od", "Odoslané", "Komu", "Kópia", "Predmet", "FW"),
    "sv": ("Vidarebefordrat brev:|-------- Vidarebefordrat meddelande --------",
           "Från", "Skickat", "Till", "Kopia", "Ämne", "VB"),
    "da": ("Start på videresendt besked:|-------- Videresendt meddelelse --------",
           "Fra", "Sendt", "Til", "Cc", "Emne", "VS"),
    "no": ("Videresendt melding:|-------- Videresendt melding --------",
           "Fra", "Sendt", "Til", "Kopi", "Emne", "Vs"),
    "fi": ("Välitetty viesti alkaa:|-------- Välitetty viesti --------|-------- Edelleenlähetetty viesti --------",
           "Lähettäjä", "Lähetetty", "Vastaanottaja", "Kopio", "Aihe", "VL"),
    "et": ("Algab edastatud kiri:|-------- Edastatud kiri --------", "Saatja", "Kuupäev", "Adressaat", "Koopia", "Teema", "Fw"),
    "hu": ("A továbbított levél kezdete:|-------- Továbbított üzenet --------",
           "Feladó", "Elküldve", "Címzett", "Másolatot kap", "Tárgy", "FW"),
    "ro": ("Începutul mesajului redirecționat:|-------- Mesaj redirecționat --------",
           "De la", "Trimis", "Către", "Cc", "Subiect", "Redir."),
    "hr": ("Započni proslijeđenu poruku:|-------- Proslijeđena poruka --------",
           "Šalje", "Datum", "Prima", "Kopija", "Predmet", "Fw"),
    "ru": ("Начало переадресованного сообщения:|-------- Пересылаемое сообщение --------|---------- Пересланное сообщение ----------"
           "|-------- Перенаправленное сообщение --------", "От кого", "Дата", "Кому", "Копия", "Тема", "FW"),
    "uk": ("Початок листа, що пересилається:|-------- Переслане повідомлення --------",
           "Від", "Дата", "Кому", "Копія", "Тема", "FW"),
    "tr": ("İletilen ileti başlangıcı:|-------- İletilmiş Mesaj --------|---------- Yönlendirilmiş ileti ----------",
           "Kimden", "Gönderildi", "Kime", "Bilgi", "Konu", "İLT"),
    "ca": ("Inici del missatge reenviat:|-------- Missatge reenviat --------",
           "De", "Data", "Per a", "A/c", "Assumpte", "RV"),
    "el": ("Έναρξη προωθημένου μηνύματος:|-------- Προωθημένο μήνυμα --------",
           "Από", "Ημερομηνία", "Προς", "Κοιν.", "Θέμα", "ΠΡΘ"),
    "he": ("תחילת ההודעה שהועברה:|-------- הודעה שהועברה --------", "מאת", "תאריך", "אל", "עותק", "נושא", "FW"),
    "ja": ("転送されたメッセージ:|-------- 転送メッセージ --------|---------- 転送されたメッセージ ----------",
           "差出人", "送信日時", "宛先", "CC", "件名", "FW"),
    "zh": ("以下是转发的邮件：|-------- 转发的邮件 --------|---------- 转发邮件信息 ----------",
           "发件人", "发送时间", "收件人", "抄送", "主题", "转发"),
    "ko": ("전달된 메시지:|-------- 전달된 메시지 --------|---------- 전달된 메일 ----------",
           "보낸 사람", "날짜", "받는 사람", "참조", "제목", "FW"),
}  # fmt: skip


def fields(language: str, emphasis: str = "") -> list[str]:
    _, sender, date, to, cc, subject, _ = LANGUAGES[language]
    values = (
        "Jane Roe <jane@acme.example>",
        "2 Nov 2026 09:00",
        "support@desk.example",
        "Joe Low <joe@acme.example>",
        "Lamp",
    )
    return [f"{emphasis}{n}:{emphasis} {v}" for n, v in zip((sender, date, to, cc, subject), values, strict=True)]


def expect_lamp(found: Forward | None, note: str | None = "Please look.") -> None:
    assert found == Forward(
        note, JANE, (Person(None, "support@desk.example"),), (JOE,), "Lamp", "2 Nov 2026 09:00", BODY
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "line"), [(language, line) for language, row in LANGUAGES.items() for line in row[0].split("|")]
)
def test_an_announced_forward_is_read_in_every_language(language: str, line: str):
    inside = "\n".join([line, "", *fields(language), "", "", *BODY.splitlines()])
    expect_lamp(forward(f"Please look.\n\n{inside}"))
    expect_lamp(forward(inside, "a subject of my own"), note=None)
    quoted = "\n".join(f"> {part}".rstrip() for part in inside.splitlines())
    expect_lamp(forward(f"Please look.\n\n{quoted}"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_bare_fields_are_a_forward_where_the_subject_says_so(language: str):
    subject = f"{LANGUAGES[language][-1]}: Lamp"
    for emphasis in ("", "*"):
        mail = "\n".join(["Please look.", "", *fields(language, emphasis), "", BODY])
        expect_lamp(forward(mail, subject))
        assert forward(mail, "Re: Lamp") is None
        assert forward(mail) is None
        answered = original(mail, "Re: Lamp")
        assert answered
        assert (answered.kind, answered.from_, answered.body) == ("reply", JANE, BODY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fields_on_one_line_of_yahoo_are_read(language: str):
    _, sender, date, to, cc, subject, _ = LANGUAGES[language]
    line = LANGUAGES[language][0].split("|")[1].strip("-")
    expect_lamp(forward(
        f"Please look.\n   -----{line}----- {sender}: Jane Roe <jane@acme.example>{to}: support@desk.example"
        f"{cc}: Joe Low <joe@acme.example>{date}: 2 Nov 2026 09:00{subject}: Lamp\n {BODY}"
    ))  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        'On 28/10/2026 12:46, "Jane Roe" <jane@acme.example> wrote:',
        'Am 28.10.2026, 12:46 schrieb "Jane Roe" <jane@acme.example>:',
        "Le 28/10/2026 12:46, « Jane Roe » <jane@acme.example> a écrit :",
        'El 28/10/2026 12:46, "Jane Roe" <jane@acme.example> escribió:',
        'Il giorno 28/10/2026, 12:46 "Jane Roe" <jane@acme.example> ha scritto:',
        "Op 28/10/2026 12:46 heeft Jane Roe <jane@acme.example> geschreven:",
        'No dia 28/10/2026, 12:46, "Jane Roe" <jane@acme.example> escreveu:',
        "Em 28/10/2026 12:46, “Jane Roe” <jane@acme.example> escreveu:",
        "W dniu 28.10.2026, 12:46 użytkownik „Jane Roe” <jane@acme.example> napisał:",
        "Dne 28.10.2026 12:46, „Jane Roe“ <jane@acme.example> napsal(a):",
        "Dňa 28.10.2026, 12:46 používateľ „Jane Roe“ <jane@acme.example> napísal:",
        "Den 2026-10-28 12:46 skrev ”Jane Roe” <jane@acme.example>:",
        "Den 28.10.2026 12.46 skrev Jane Roe <jane@acme.example>:",
        "Jane Roe <jane@acme.example> kirjoitti 28.10.2026 kello 12.46:",
        '2026.10.28. 12:46 keltezéssel, "Jane Roe" <jane@acme.example> írta:',
        'În data de 28.10.2026, 12:46, "Jane Roe" <jane@acme.example> a scris:',
        '28.10.2026, 12:46 пользователь "Jane Roe" <jane@acme.example> написал:',
        '28.10.2026, 12:46, "Jane Roe" <jane@acme.example> пише:',
        '28.10.2026 12:46 tarihinde "Jane Roe" <jane@acme.example> şunu yazdı:',
        'Dana 28.10.2026. 12:46 "Jane Roe" <jane@acme.example> je napisao/la:',
        "Στις 28/10/2026 12:46, ο χρήστης Jane Roe <jane@acme.example> έγραψε:",
        "2026年10月28日(水) 12:46 Jane Roe <jane@acme.example>:",
        "Jane Roe <jane@acme.example> 于2026年10月28日周三 12:46写道：",
        "2026년 10월 28일 (수) 오후 12:46, Jane Roe <jane@acme.example>님이 작성:",
        'Kuupäev 28.10.2026 12:46, "Jane Roe" <jane@acme.example> kirjutas:',
    ],
)
def test_outlook_for_the_mac_names_only_writer_and_date(line: str):
    mail = f"Please look.\n\n\ufeff{line}\n\n    The lamp is broken.\n\n    Jane\n"
    found = forward(mail, "FW: Lamp")
    assert found
    assert (found.message, found.from_, found.subject, found.body) == ("Please look.", JANE, "Lamp", BODY)
    assert "12:46" in (found.date or "").replace(".", ":")
    assert forward(mail, "Re: Lamp") is None
    assert forward(mail) is None


@pytest.mark.parametrize(
    "mail",
    [
        # Zoho
        "Please look.\n\n============ Forwarded message ============\nFrom : Jane Roe <jane@acme.example>\n"
        "To : support@desk.example\nCc : Joe Low <joe@acme.example>\nDate : 2 Nov 2026 09:00\nSubject : Lamp\n"
        f"============ Forwarded message ============\n\n{BODY}",
        # Proton
        "Please look.\n\n------- Forwarded Message -------\nFrom: Jane Roe <jane@acme.example>\nDate: 2 Nov 2026 09:00\n"
        "Subject: Lamp\nTo: support@desk.example\nCC: Joe Low <joe@acme.example>\n\n"
        "> The lamp is broken.\n>\n> Jane",
        # The Bat!
        "Please look.\n\nThis is a forwarded message\nFrom: Jane Roe <jane@acme.example>\nTo: support@desk.example\n"
        "Cc: Joe Low <joe@acme.example>\nDate: 2 Nov 2026 09:00\nSubject: Lamp\n\n"
        f"===8<==============Original message text===============\n{BODY}",
        # Gmail and Thunderbird wrap what is long
        "Please look.\n\n---------- Forwarded message ---------\nFrom: Jane Roe\n <jane@acme.example>\nDate: 2 Nov 2026\n09:00\n"
        "Subject: Lamp\nTo: <support@desk.example>\nCc: Joe Low\n<joe@acme.example>\n\n\n" + BODY,
        # Thunderbird's table in HTML, as text
        "Please look.\n\n-------- Forwarded Message --------\nSubject:\nLamp\nDate:\n2 Nov 2026 09:00\nFrom:\n"
        f"Jane Roe <jane@acme.example>\nTo:\nsupport@desk.example\nCC:\nJoe Low <joe@acme.example>\n\n{BODY}",
        # paragraphs of Outlook in HTML, as text
        "Please look.\n\n-----Forwarded message-----\n\nFrom: Jane Roe <jane@acme.example>\n\nSent: 2 Nov 2026 09:00\n\n"
        f"To: support@desk.example\n\nCc: Joe Low <joe@acme.example>\n\nSubject: Lamp\n\n{BODY}",
        # Lotus Notes
        "Please look.\n\n----- Forwarded by Ann Lee/Acme on 02/11/2026 09:10 -----\n\nFrom: Jane Roe <jane@acme.example>\n"
        f"To: support@desk.example\nCc: Joe Low <joe@acme.example>\nDate: 2 Nov 2026 09:00\nSubject: Lamp\n\n{BODY}",
        # Roundcube: the subject comes first
        "Please look.\n\n-------- Original Message --------\nSubject: Lamp\nDate: 2 Nov 2026 09:00\n"
        f"From: Jane Roe <jane@acme.example>\nTo: support@desk.example\nCc: Joe Low <joe@acme.example>\n\n{BODY}",
        # a language that nobody has told us of
        "Please look.\n\n-------- Framsent skeyti --------\nEfni: Lamp\nDags: 2 Nov 2026 09:00\nFrom: Jane Roe <jane@acme.example>\n"
        f"To: support@desk.example\nCc: Joe Low <joe@acme.example>\n\n{BODY}".replace("Efni", "Subject").replace("Dags", "Date"),
        "Please look.\n\n-------- Forwarded Message --------\nEfni: Lamp\nDagsetning: 2 Nov 2026 09:00\n"
        "Frá: Jane Roe <jane@acme.example>\nTil: support@desk.example\nAfrit: Joe Low <joe@acme.example>\n\n" + BODY,
        # mutt, with the header as it came
        "Please look.\n\n----- Forwarded message from Jane Roe <jane@acme.example> -----\n\nReceived: from a.example by b.example\n"
        "Date: 2 Nov 2026 09:00\nFrom: Jane Roe <jane@acme.example>\nTo: support@desk.example\nCc: Joe Low <joe@acme.example>\n"
        "Message-ID: <1@acme.example>\nSubject: Lamp\nX-Mailer: none of ours\n\n" + BODY + "\n\n----- End forwarded message -----\n",
        # Apple Mail in a language that nobody has told us of
        "Please look.\n\n> Byrjun skeytis sem var sent:\n>\n> From: Jane Roe <jane@acme.example>\n> Subject: Lamp\n> Date: 2 Nov 2026 09:00\n"
        "> To: support@desk.example\n> Cc: Joe Low <joe@acme.example>\n>\n> The lamp is broken.\n>\n> Jane",
        # bold names, links, and fields that say nothing about who and when
        "Please look.\n\n---------- Forwarded message ----------\n*From:* Jane Roe <jane@acme.example<mailto:jane@acme.example>>\n"
        "*Sent:* 2 Nov 2026 09:00\n*To:* support@desk.example [mailto:support@desk.example]\n"
        "*Cc:* Joe Low [mailto:joe@acme.example]\n*Subject:* Lamp\n*Importance:* High\n*Attachments:* lamp.jpg\n\n" + BODY,
    ],
)  # fmt: skip
def test_the_forms_of_other_mail_programs_are_read(mail: str):
    expect_lamp(forward(mail))
    expect_lamp(forward(mail.replace("\n", "\r\n").replace("> ", ">\xa0")))


def test_yandex_names_only_writer_and_date_and_rules_off_the_end():
    found = forward(
        'Please look.\n\n-------- Пересылаемое сообщение --------\n28.10.2026, 12:46, "Jane Roe" <jane@acme.example>:\n\n'
        "The lamp is broken.\n\nJane\n\n-------- Завершение пересылаемого сообщения --------\n-- \nAnn"
    )  # fmt: skip
    assert found
    assert (found.from_, found.date, found.body) == (JANE, "28.10.2026, 12:46", BODY)
    assert found.message == "Please look.\n\n-- \nAnn"


def test_what_is_written_under_a_quoted_forward_belongs_to_its_forwarder():
    found = forward(
        "> Begin forwarded message:\n>\n> From: Jane Roe <jane@acme.example>\n> Subject: Lamp\n> To: a@b.example\n>\n> Broken.\n\n"
        "Can you take this?\nAnn"
    )
    assert found
    assert (found.message, found.body) == ("Can you take this?\nAnn", "Broken.")


def test_the_outer_one_of_two_forwards_is_read_and_the_inner_one_kept():
    inner = "---------- Forwarded message ---------\nFrom: Joe <joe@acme.example>\nDate: x\nSubject: Old\nTo: b@c.example\n\nFirst."
    found = forward(f"---------- Forwarded message ---------\n{chr(10).join(fields('en'))}\n\nSecond.\n\n{inner}")
    assert found
    assert (found.from_, found.body) == (JANE, f"Second.\n\n{inner}")


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Hello, the lamp is broken.\nAnn", "Fwd: Lamp"),
        ("I forwarded message 12 to you:\nplease read it.", None),
        ("from: ana@x.example I got this yesterday", "Fwd: x"),
        ("To whom it may concern:\nSubject: lamps\nI want one.", "Lamps"),
        ("---------- Forwarded message ---------\n\nnothing under it", "Fwd: Lamp"),
        ("----- my list -----\n- a lamp: red\n- a chair: blue\n- date: 2026", None),
        ("Thanks!\n\nOn Mon, 2 Nov 2026, Jane <j@x.example> wrote:\n> ---------- Forwarded message ---------\n> From: Joe <j@y.example>\n"
         "> Date: Sun\n> Subject: Lamp\n> To: Jane\n>\n> Broken.", "Re: Fwd: Lamp"),
        ("Thanks!\n\n> See this.\n> ---------- Forwarded message ---------\n> From: Joe <j@y.example>\n> Date: Sun\n> Subject: Lamp\n"
         "> To: Jane\n>\n> Broken.", None),
        ("Thanks!\n\n-----Original Message-----\nFrom: Jane\nSent: Monday\nTo: Ann\nSubject: Lamp\n\nBroken.", None),
        ("Thanks!\n\n-------- Original message --------\nFrom: Jane <j@x.example>\nDate: 02/11/2026 09:00\nTo: a@b.example\nSubject: Lamp\n\n"
         "Broken.", "Re: Lamp"),
        ("Kiitos!\n\nLähettäjä: Jane <j@x.example>\nLähetetty: ma\nVastaanottaja: Ann\nAihe: Lamppu\n\nRikki.", "VS: Lamppu"),
        ("Sorry.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <a@b.example>\nReceived: by x\nFrom: a@b.example\n"
         "To: c@d.example\nSubject: Lamp\nDate: Mon\n\nBroken.", "failure notice"),
        ("Name: Ann\nDate: Monday\nOrder: 12", "Order form"),
        ("", "Fwd: nothing"),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_forward_is_none(text: str, subject: str | None):
    assert forward(text, subject) is None


def test_a_finnish_forward_is_told_from_a_finnish_answer():
    mail = "\n".join(["Please look.", "", *fields("fi"), "", BODY])
    expect_lamp(forward(mail, "VL: Lamp"))
    assert forward(mail, "VS: Lamp") is None
    expect_lamp(forward("\n".join(["Please look.", "", *fields("da"), "", BODY]), "VS: Lamp"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ana <ana@x.example>, bo@x.example", [("Ana", "ana@x.example"), (None, "bo@x.example")]),
        ("Doe, Jo <jo@x.example>; Ana", [("Doe, Jo", "jo@x.example"), ("Ana", None)]),
        ("Doe, Jo <jo@x.example>, <bo@x.example>", [("Doe, Jo", "jo@x.example"), (None, "bo@x.example")]),
        ("'Berry, Bessie' <b@x.example>, \"'bo@x.example'\" <bo@x.example>", [("Berry, Bessie", "b@x.example"), (None, "bo@x.example")]),
        ('"O\'Neil, Pat" <pat@x.example>', [("O'Neil, Pat", "pat@x.example")]),
        ("D'Arcy O'Neil <d@x.example>", [("D'Arcy O'Neil", "d@x.example")]),
        ("'Jo Low' via Desk <d@x.example>", [("'Jo Low' via Desk", "d@x.example")]),
        ("Jo (Acme); Pat <p@x.example>", [("Jo (Acme)", None), ("Pat", "p@x.example")]),
        ("Pat (pat@x.example)", [("Pat", "pat@x.example")]),
        ("[pat@x.example](mailto:pat@x.example)", [(None, "pat@x.example")]),
        ("Pat [mailto:pat@x.example]", [("Pat", "pat@x.example")]),
        ("Pat via Desk <desk@X.example>", [("Pat via Desk", "desk@x.example")]),
        ("Jane Roe", [("Jane Roe", None)]),
        ("<>, , ;", []),
        ("", []),
    ],
)  # fmt: skip
def test_people_are_read_as_mail_programs_show_them(value: str, expected: list):
    assert [(one.name, one.address) for one in people(value)] == expected


NOISE = st.sampled_from(
    ["Fwd: ", "\n", "\n\n", "> ", ">> ", " ", "From: ", "Von: ", "To: ", "Subject: ", "Date: ", "Cc: ", "a@b.example", "<", ">", '"', "'",
     ", ", "; ", ":", "---------- Forwarded message ---------", "-----Original Message-----", "Begin forwarded message:", "____",
     "On 2 Nov 2026, Ana <a@b.example> wrote:", "words", "Пересылаемое сообщение", "\ufeff", "\xa0", "\r\n", "[mailto:a@b.example]", "：", "1"]
)  # fmt: skip


@given(text=st.lists(NOISE | st.text(max_size=4), max_size=40).map("".join), subject=st.none() | NOISE)
def test_nothing_raises_and_no_word_is_lost(text: str, subject: str | None):
    found = original(text, subject)
    if found is None:
        return
    kept = f"{found.message} {found.body}"
    names = [p for p in (found.from_, *found.to, *found.cc) if p]
    kept += " ".join(f"{p.name} {p.address}" for p in names) + f" {found.subject} {found.date}"
    assert text.count("words") - kept.count("words") <= text.count(":")


@pytest.mark.parametrize(
    "hostile",
    ["On " * 300_000, " " * 1_000_000, "\n" * 1_000_000, "From: a\n" * 125_000, "-" * 1_000_000, "On 1\n" * 200_000,
     ">" * 1_000_000, "> a\nb\n" * 160_000, "\n_\n" * 330_000, "a\n" * 500_000, "From: a\nTo: b\nx\ny\nz\n" * 50_000,
     "--- a\n" * 160_000, "--- a:\n" * 140_000, "--- a ---\n1:\n" * 70_000, "---- Forwarded message ----\n" * 36_000, "---- Forwarded message ---- " + "From: a@b.c" * 90_000,
     "---- Forwarded message ----\nFrom: a\nTo: " + "a@b.c, " * 140_000, "From: " + "a@" * 500_000 + "\nTo: a\nSubject: b",
     "On 1 <a@b.example>:\n" * 50_000, "\xa0>" * 300_000, "Begin forwarded message:\n" * 40_000],
)  # fmt: skip
def test_a_million_hostile_characters_come_to_an_end(hostile: str):
    started = time.process_time()
    forward(hostile, "Fwd: x")
    assert time.process_time() - started < 10
