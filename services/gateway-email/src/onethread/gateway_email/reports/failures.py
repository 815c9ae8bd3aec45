"""Why a server did not take a mail, and whether the address is dead, by its codes and its words: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

CHARACTERS = 4_000
"""So much of what a server says is read; the reason stands at its beginning."""
DEAD = {"1.1", "1.2", "1.3", "1.6", "1.10", "4.4", "4.310"}
DETAILS = {
    "1.1": "The mailbox does not exist",
    "1.2": "The domain of the address takes no mail",
    "1.3": "The address is not valid",
    "1.6": "The mailbox has moved",
    "1.10": "The domain of the address takes no mail",
    "2.1": "The mailbox takes no mail at present",
    "2.2": "The mailbox is full",
    "2.3": "The mail is too large for the mailbox",
    "3.4": "The mail is too large for the receiving server",
    "4.1": "The receiving server did not answer",
    "4.4": "No server takes mail for the address",
    "4.6": "The mail went in circles",
    "4.7": "It could not be delivered in time",
    "4.310": "The domain of the address does not exist",
    "7.1": "The receiving server refuses mail from here",
}
SUBJECTS = {
    "1": "The address was refused",
    "2": "The mailbox did not take it",
    "3": "The receiving server could not take it",
    "4": "The receiving server could not be reached",
    "5": "The receiving server did not understand it",
    "6": "The receiving server does not take such content",
    "7": "The receiving server refused it by its rules",
}
UNKNOWN = "The receiving server sent it back"
_STATUS = re.compile(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\w./-])(4[25]\d|5[0135]\d|521|571)(?=[\s\-:;,<#]|$)")
_CODE_AND_STATUS = re.compile(r"\b[245]\d\d[- #('\"]{1,3}([245]\.[0-7]\.\d{1,3})(?![\d.])")
_ADDRESS = re.compile(r"[^\s<>@()\[\]:;,\"']{1,64}@[^\s<>@()\[\]:;,\"']{1,253}")
_RECIPIENT = re.compile(r"(>>> |after |reply to |sent:? |for |smtp:|\[)rcpt|like recipient", re.IGNORECASE)
_CONTENT = re.compile(r"(?:>>> |reply to |after |smtp command:? )(?:end of )?data\b", re.IGNORECASE)

ANSWER_TO_RCPT = "after RCPT"
"""`around` what a server answered to ourselves when it was given the recipient."""


@dataclass(frozen=True, slots=True)
class Cause:
    words: str
    dead: bool
    said: re.Pattern[str]
    is_proof: bool = False
    """Only the server that has the mailboxes says so: no command need be named beside it."""


def _cause(words: str, *said: str, dead: bool = False, is_proof: bool = False) -> Cause:
    return Cause(words, dead, re.compile("|".join(said), re.IGNORECASE), is_proof)


TRUMPS = (
    _cause(
        "The mailbox is full",
        r"mail(box| ?folder)( for [^ ]{0,99})? is (too )?full(?! or)|(mail|in)?box (is )?full(?! or)",
        r"account [^.]{0,60}full",
        r"over ?(\w{1,12} ){0,2}quota|quota (is )?exceed",
        r"exceed\w{0,5} [^.]{0,40}\b(quota|local limit|storage|mailbox size)",
        r"(disk|mailbox) quota",
        r"(mailbox|inbox|account) (size )?limit|mailbox[^.]{0,40} exceed(s|ed)\b|out of (disk )?(space|storage)",
        r"too many (messages|mails) (on|in) ",
        r"(not enough|insufficient) (disk|storage|system storage)|storage (allocation|limit)|no space left",
        r"postfach [^.]{0,40}(voll|überfüllt)|speicherplatz|bo[iî]te [^.]{0,40}(pleine|saturée)",
        r"quota (dépassé|superat)|buz[oó]n [^.]{0,30}lleno|casella [^.]{0,30}piena|caixa [^.]{0,30}cheia",
        r"postbus [^.]{0,20}vol|перепо[лв]нен|skrzynk[^.]{0,30}(pełna|przepełnion)|schránk[^.]{0,30}(plná|zaplněn)",
        r"postafiók[^.]{0,30}megtelt|(postkass|postlåd|brevlåd|innboks|inkorg|indbakke)[^.]{0,30}(full|fuld)|täynnä",
        r"ボックス[がは]?(一杯|いっぱい)|容量(制限)?を?超|邮箱[^。]{0,12}满|信箱[^。]{0,12}滿",
        r"메일함[^.]{0,12}초과",
    ),
    _cause(
        "The mail is too large",
        r"(message|mail|e-mail|file)( size)? (is )?(too (big|large)|exceed)|size (limit )?exceed|\bsize limit",
        r"exceed\w{0,5} [^.]{0,40}(maximum|max|message|size)[^.]{0,20}(size|limit)|larger than",
        r"nachricht ist zu gro(ß|ss)",
    ),
    _cause(
        "The mail went in circles",
        r"too many hops|hop ?count|mail ?loop|loops? back|\blooping\b|routing loop",
    ),
    _cause(
        "The domain of the address takes no mail",
        r"null ?mx|does(n't| not) accept (e-?)?mail(?!\w| from)|not accept(ing)? any (e-?)?mail|no mail accepted here",
        r"does not receive mail",
        dead=True,
        is_proof=True,
    ),
    _cause(
        "The receiving server was sent too much at once",
        r"too many (?!hops)|frequency limit|rate.?limit|throttl|try again later",
        r"exceeded [^.]{0,40}(threshold|per hour|\brate\b)",
    ),
    _cause("The receiving server refused it by its rules", r"delivery restriction"),
    _cause(
        "The receiving server could not make sure who sent it",
        r"\bdmarc\b|\bdkim\b|\bspf\b|unauthenticated|authentication (failure|required|check)",
    ),
    _cause(
        "The receiving server refuses mail from here",
        r"spamhaus|black ?list|block ?list|deny ?list|\b(d?ns?bl|rbl)\b|\bblocked\b|banned",
        r"(client|sender) host rejected|cannot find your (host|reverse)|reputation",
        r"sender (address )?(is |was )?(rejected|denied|blocked)",
        r"(client|sender|host|network|ip)( \S{1,60})? (is )?not allowed|reverse dns|\bptr\b|rdns",
        r"\brelay(ing)? (access )?(denied|not permitted|is not)|unable to relay",
        r"(?<!recipient address rejected: )access denied|use the smtp server of your isp|not authori[sz]ed|greylist",
    ),
    _cause(
        "The receiving server takes it for spam",
        r"\bspam\b|\bube\b|unsolicited|bulk (e-?)?mail|junk mail|content (was )?(rejected|filter)|\bvirus\b|malware",
    ),
    _cause(
        "The receiving server refused it by its rules",
        r"polic(y|ies)|prohibit|not permitted|administratively",
    ),
    _cause(
        "The mailbox is closed at present",
        r"(account|mailbox|user|recipient|address)[^.]{0,60}\b(disabled|suspended|frozen|inactive|locked|deactivated|expired)",
        r"(inactive|disabled|suspended|frozen|deactivated) (account|mailbox|user|recipient)|mailbox temporarily",
        r"(konto|postfach)[^.]{0,40}(gesperrt|deaktiviert|geschlossen)",
        r"(compte|bo[iî]te|adresse)[^.]{0,40}(désactivé|suspendu|fermé|bloqué)",
        r"(cuenta|casilla|buz[oó]n|conta|caixa|casella|account)[^.]{0,40}"
        r"(expirado|des?habilitad|suspendid|suspens|desactivad|desativad|bloquead|disabilitat|sospes|disattivat)",
    ),
)
"""These say more than a status that says the address is unknown: servers write 5.1.1 for much else."""
CAUSES = (
    *TRUMPS,
    _cause(
        "The mailbox has moved",
        r"no longer (on (this )?server|at this|works|working|employed|valid|with|in use|available|active|exists)",
        r"(user|recipient|account|mailbox|customer|person|employee)[^.]{0,30} has (been )?(moved|replaced|left)",
        r"changed (his|her|its|their|e-?mail) (e-?mail )?address|new (e-?mail )?address is",
        dead=True,
    ),
    _cause(
        "The domain of the address does not exist",
        r"(host|domain)( name)? (is )?(not found|unknown|does not exist|invalid)|unknown (host|domain)",
        r"name or service not known",
        r"no such (host|domain)|nxdomain|point to non-existent|non-?existent ?domain",
        r"(domain|host) [^\s]{1,100} (not found|does not exist)|no (mx|route|a record)[^.]{0,30}(found|host|record)",
        r"name (service|server) error[^.]{0,80}(not found|type=)|could ?n[o']t find any host",
        r"bad destination (host|mailbox|system)",
        dead=True,
        is_proof=True,
    ),
    _cause(
        "The mailbox does not exist",
        r"(user|recipient|account|address|mailbox|addressee|customer|rcpt)[^.\n]{0,80}"
        r"(unknown|not found|(?<!may )not exist|n't exist|not recogni[sz]ed)",
        r"(unknown|invalid|bad|undeliverable|nonexist[ae]nt|incorrect|illegal|no valid|no such|not an? [a-z]{1,12})[ _]"
        r"(local )?"
        r"(user|recipient|address|account|mailbox|mail box|e-?mail|addressee|person|local part|destination|rcpt|alias)",
        r"no (mail ?box|account|user|address|such)\b[^.\n]{0,40}(here|by that|name|found|exist|user|mailbox|person)",
        r"(does(n't| not)|do not|don't) have (an?|any) [^\n]{0,60}account|n[o']t (be )?(listed|found) in",
        r"(user|recipient|address|mailbox)[^.\n]{0,60}(invalid|not (valid|known|listed|here|a valid|a known|have an))",
        r"recipnotfound|recipientnotfound|adr\.(ex)?recip",
        r"(address|mailbox|recipient)[^.\n]{0,60}(couldn't|could not|cannot) be found",
        r"mailbox (name not allowed|unavailable|not available)|5\.4\.1 recipient address rejected",
        r"recipient rejected|#5\.1\.0 address rejected|not our customer|unrout[e]?able",
        r"empfänger[^.\n]{0,60}(unbekannt|existiert nicht|nicht gefunden|ungültig)",
        r"(unbekannte[rn]?|ungültige[rn]?) (empfänger|adresse|benutzer)",
        r"(adresse|adress|konto|postfach)[^.\n]{0,60}"
        r"(existiert nicht|n'existe pas|existe pas|unbekannt|okänd|invalide)",
        r"destinataire[^.\n]{0,40}(inconnu|invalide|introuvable)|utilisateur inconnu",
        r"(usuario|destinatario|dirección|cuenta|buz[oó]n|utente|casella|indirizzo)[^.\n]{0,60}"
        r"(desconocid|no existe|no se (ha )?encontr|sconosciut|inesistent|non esiste|no válid)",
        r"(usuário|destinatário|endereço|conta)[^.\n]{0,60}(desconhecid|não existe|não encontrad|inválid)",
        r"(gebruiker|adres|postbus|ontvanger)[^.\n]{0,40}(onbekend|bestaat niet)",
        r"(adres|użytkownik|odbiorca|konto|skrzynka)[^.\n]{0,40}(nie istnieje|nieznan)",
        r"(пользовател|адрес|ящик|получател)[^.\n]{0,60}(не (существует|найден)|неизвест)",
        r"(宛先|ユーザ|アドレス)[^。\n]{0,30}(存在しま|見つかりま|不明)|(用户|收件人|地址|帳號|账号)[^。\n]{0,20}不存在",
        r"(没有|查无|沒有|查無|無)(此|该|這個|这个)(用户|邮箱|收件人|使用者|人)",
        r"(수신자|사용자|주소)[^.\n]{0,20}(존재하지|찾을 수)|(존재하지 않는|없는) (수신자|사용자|주소|메일|계정)",
        r"(användare|mottagare|adress)\w{0,6}[^.\n]{0,40}(okänd|finns inte|existerar inte)",
        r"(mottaker|modtager|bruk?er|bruger|e-?postkonto|adresse)\w{0,6}[^.\n]{0,40}(fin(n|d)es ikke|ukjent|ukendt)",
        r"(vastaanottaja|käyttäjä|osoite)[^.\n]{0,40}(tuntematon|ei ole olemassa|ei löydy)",
        r"(uživatel|adresát|příjemce|schránka|adresa)[^.\n]{0,40}(neexist|neznám)",
        r"(címzett|felhasználó|postafiók)[^.\n]{0,40}(nem létezik|ismeretlen)",
        r"(utilizator|destinatar|adres)[^.\n]{0,40}(necunoscut|nu există|inexistent)",
        r"(alıcı|kullanıcı|adres)[^.\n]{0,40}(bulunamadı|mevcut değil|geçersiz)",
        r"(користувач|адрес|скриньк|отримувач)[^.\n]{0,60}(не (існує|знайден)|невідом)",
        dead=True,
    ),
    _cause(
        "It could not be delivered in time",
        r"(connection|connect|operation|conversation|delivery|session)[^.\n]{0,60}tim(ed|e) ?out|deferred",
        r"retry time|have been failing|cannot send message for \d",
        r"(delivery|delivery time|message|queue)[^.\n]{0,30}expired",
        r"unable to deliver[^.\n]{0,40} (for|in) \d|too (old|long)|in (the )?(mail )?queue",
    ),
    _cause(
        "The receiving server could not be reached",
        r"connection (was )?(refused|reset|dropped|lost)|(network|host) (is )?(unreachable|down)|no route to host",
        r"could not connect|delivery attempts",
    ),
)


@dataclass(frozen=True, slots=True)
class Failure:
    status: str
    """Enhanced status (RFC 3463), `5.1.1`; empty where none is stated."""
    smtp_code: str
    hard: bool
    """The address is dead: nothing sent there will ever arrive."""
    reason: str
    """In words for the teammate whose reply it was."""


def failure(diagnosis: str, stated: str = "", around: str = "", *, is_local: bool = False) -> Failure:
    """`diagnosis`: what the server answered; `stated`: the Status field; `around`: what the report says beside that.

    `is_local`: a program on the reporting machine failed, not the mailbox.
    """
    diagnosis, around = diagnosis[:CHARACTERS], around[:CHARACTERS]
    status = status_in(diagnosis, stated) or status_in(around)
    code = code_in(diagnosis) or code_in(around)
    detail = status.partition(".")[2]
    cause = _why(diagnosis) or _why(stated) or (None if detail in DEAD else _why(around))
    is_certain = not (status.startswith("4") or code.startswith("4") or is_local)
    return Failure(
        status,
        code,
        is_certain and _is_dead(cause, detail, code, " ".join(f"{diagnosis} {around}".split())),
        _reason(cause, status, detail),
    )


def status_in(*texts: str) -> str:
    """The most exact one: servers write 5.0.0 and say what they mean in the diagnosis, behind a code of SMTP."""
    near = [found for text in texts for found in _CODE_AND_STATUS.findall(text)]
    found = [*near, *(match[0] for text in texts for match in _STATUS.finditer(text))]
    return next((one for one in found if not one.endswith(".0.0")), found[0] if found else "")


def code_in(text: str) -> str:
    found = _CODE.search(text)
    return found[1] if found else ""


def _why(text: str) -> Cause | None:
    """Addresses are left out: `userunknown@` says nothing."""
    bare = " ".join(_ADDRESS.sub(" ", text).split())
    return next((cause for cause in CAUSES if cause.said.search(bare)), None)


def _is_dead(cause: Cause | None, detail: str, code: str, said: str) -> bool:
    """A server that took the recipient and then refuses the content is a filter: its "no such user" proves nothing.

    Behind a bare code such a filter may stand too; there the words are believed where they answer RCPT.
    """
    if cause in TRUMPS:
        return bool(cause and cause.dead)
    if detail in DEAD:
        return cause is None or cause.dead
    if cause is None or not cause.dead or detail == "2.0" or _CONTENT.search(said):
        return False
    return cause.is_proof or bool(detail.strip("0.")) or not code or bool(_RECIPIENT.search(said))


def _reason(cause: Cause | None, status: str, detail: str) -> str:
    words = cause.words if cause else DETAILS.get(detail) or SUBJECTS.get(detail.partition(".")[0]) or UNKNOWN
    return f"{words} ({status})" if status else words
