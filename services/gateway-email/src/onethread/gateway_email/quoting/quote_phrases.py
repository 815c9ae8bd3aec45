"""The words by which mail clients mark history, forwards and signatures, in the languages that we read: data."""

from __future__ import annotations

OPENERS = (
    "on", "am", "le", "el", "il", "op", "em", "no dia", "den", "på", "w dniu", "dnia", "dne", "dňa", "în data", "la",
    "va", "в", "на", "a", "al", "dana", "u", "στις", "בתאריך", "ב", "在", "у",
)  # fmt: skip
"""What an attribution begins with, where it begins with a word."""
VERBS = (
    "wrote", "writes", "schrieb", "schrieben", "schreibt", "hat geschrieben", "a écrit", "escribió", "escribio",
    "ha escrito",
    "ha scritto", "scrive", "schreef", "heeft geschreven", "escreveu", "skrev", "skrifaði", "napisał", "napisała",
    "napisał(a)", "pisze", "napsal", "napsala", "napsal(a)", "píše", "napísal", "napísala", "napísal(a)",
    "kirjoitti", "írta", "a scris", "je napisao", "je napisala", "napisao je", "napisala je", "je napisao/la", "piše",
    "написал", "написала", "написал(а)", "писали", "пишет", "написав", "пише", "yazdı", "va escriure",
    "ha escrit", "έγραψε", "כתב", "כתבה", "כתב/ה", "כתב(ה)",
    "quoting", "zitat von", "citando", "citation de", "citat från", "cytat od", "citaat van",
)  # fmt: skip
"""They stand as words of their own."""
VERBS_INSIDE = (
    "のメール",
    "書きました",
    "のメッセージ",
    "写道",
    "寫道",
    "写到",
    "كتب",
    "님이 작성",
    "작성:",
    "님의 말",
    "에 쓴 글",
)
"""They stand within a word."""
FIRST_PERSON = (
    "i wrote", "we wrote", "schrieb ich", "schrieben wir", "skrev jeg", "skrev jag", "schreef ik", "j'ai écrit",
    "wrote me", "wrote to me", "wrote us", "wrote to us", "schrieb mir", "schrieb uns", "schrieben sie mir",
    "m'a écrit", "m’a écrit",
    "nous a écrit", "me escribió", "nos escribió", "me ha escrito", "mi ha scritto", "ci ha scritto", "me escreveu",
    "skrev til meg", "skrev till mig", "skrev til mig", "schreef me", "schreef mij", "написал мне", "написала мне",
)  # fmt: skip
"""An author says these; mail programs do not."""
SECOND_PERSON = (
    "schrieben sie", "schriebst du", "schriebt ihr", "vous avez écrit", "vous écriviez", "tu as écrit",
    "usted escribió", "me escribiste", "lei ha scritto", "hai scritto", "schreef u", "schreef je", "вы писали",
    "ви писали", "você escreveu", "du skrev", "skrev du", "ni skrev", "skrev ni",
)  # fmt: skip
"""A mail program may (The Bat!), above a quote; without quote marks it is the author. In English some do without."""
HISTORY_BELOW = "\ue005"
"""Stands where the HTML of a mail says that history begins. People do not write it."""
RULES = (
    HISTORY_BELOW,
    "original message", "replied message", "reply message", "original appointment", "ursprüngliche nachricht",
    "originalnachricht",
    "ursprünglicher termin", "message d'origine", "message d’origine", "message original", "mensaje original",
    "messaggio originale", "messaggio di origine", "oorspronkelijk bericht", "oorspronkelijke bericht",
    "mensagem original", "oprindelig meddelelse", "original meddelelse", "ursprungligt meddelande",
    "originalmeddelande", "opprinnelig melding", "alkuperäinen viesti", "wiadomość oryginalna", "oryginalna wiadomość",
    "původní zpráva", "pôvodná správa", "eredeti üzenet", "mesaj original", "mesajul original", "izvorna poruka",
    "originalna poruka", "исходное сообщение", "оригинальное сообщение", "оригінальне повідомлення",
    "початкове повідомлення", "orijinal ileti", "özgün ileti", "orijinal mesaj", "missatge original",
    "αρχικό μήνυμα", "הודעה מקורית", "原始邮件", "原始郵件", "原始信件", "原邮件",
    "元のメッセージ", "オリジナルメッセージ", "원본 메시지", "원본메시지",
    "원본 메일", "please type your reply above this line", "reply above this line", "please reply above this line",
)  # fmt: skip
FORWARDS = (
    "forwarded message", "begin forwarded message", "weitergeleitete nachricht", "anfang der weitergeleiteten",
    "message transféré", "message transmis", "début du message réexpédié", "début du message transféré",
    "mensaje reenviado", "inicio del mensaje reenviado", "messaggio inoltrato", "inizio messaggio inoltrato",
    "doorgestuurd bericht", "begin doorgestuurd bericht", "mensagem encaminhada", "mensagem reencaminhada",
    "início da mensagem", "videresendt", "start på videresendt", "vidarebefordrat", "vidarebefordrade",
    "start på vidarebefordrat", "påbörjat vidarebefordrat", "välitetty viesti", "edelleenlähetetty",
    "välitetty viesti alkaa", "przekazana wiadomość", "wiadomość przekazana", "początek przekazywanej",
    "przeposlaná", "přeposlaná zpráva", "přeposlaná", "preposlaná", "továbbított üzenet", "továbbított levél",
    "mesaj redirecționat", "mesaj transmis", "proslijeđena poruka", "prosleđena poruka", "пересылаемое сообщение",
    "пересланное сообщение", "начало переадресованного", "переслане повідомлення", "перенаправлене повідомлення",
    "yönlendirilen ileti", "iletilen mesaj", "iletilmiş mesaj", "missatge reenviat", "προωθημένο μήνυμα",
    "הודעה שהועברה", "转发的邮件", "转发邮件", "轉寄的郵件", "轉寄郵件",
    "転送メッセージ", "転送されたメッセージ", "전달된 메시지", "전달된 메일",
)  # fmt: skip
MOBILE = (
    "sent from", "sent via", "sent with", "get outlook for", "von meinem", "gesendet von", "gesendet mit",
    "diese nachricht wurde von meinem", "holen sie sich outlook", "outlook für", "envoyé de", "envoyé depuis",
    "envoyé à partir", "télécharger outlook", "obtenir outlook", "enviado desde", "enviado de", "enviado do",
    "enviado a partir", "obtener outlook", "obter o outlook", "inviato da", "ottieni outlook", "scarica outlook",
    "verzonden vanaf", "verstuurd vanaf", "verzonden met", "outlook voor", "skickat från", "skickades från",
    "hämta outlook", "sendt fra", "hent outlook", "få outlook", "lähetetty", "hanki outlook", "wysłane z", "wysłano z",
    "pobierz outlook", "odesláno z", "odoslané z", "získat outlook", "küldve", "elküldve", "iphone-ról küldve",
    "trimis de pe", "trimis din", "poslano s", "poslano iz", "отправлено с", "отправлено из", "надіслано з",
    "enviat des", "στάλθηκε από", "εστάλη από", "נשלח מ", "发自我的", "發自我的", "從我的", "从我的", "내 ",
)  # fmt: skip
MOBILE_ENDINGS = (
    "gesendet", "gönderildi", "から送信", "から送信されました", "에서 보냄", "発信",
    "傳送", "发送", "küldve", "lähetetty",
)  # fmt: skip
FOOTERS = (
    "mailing list", "listinfo", "unsubscribe", "google groups", "mailman", "you are receiving this because",
    "confidential", "vertraulich", "confidentiel", "confidencial", "riservat", "vertrouwelijk", "fortrolig",
    "konfidentiell", "poufn", "důvěrn", "dôvern", "luottamuksel", "bizalmas", "confidențial", "povjerljiv",
    "конфиденциал", "конфіденцій", "gizli", "机密", "機密", "기밀", "εμπιστευτικ", "חסוי",
)  # fmt: skip
"""What stands below a row at the end of a mail that lists and companies add."""
