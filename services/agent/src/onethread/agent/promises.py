"""What an agent must never say, whatever an article says: that it did something, or asks for a secret. Pure.

It has no tools. Where it gets some, a tool's own report will be what lets such a sentence through.
"""

import re

from onethread.agent.tongues import fold

_DONE = (
    "refunded|cancel+ed|changed|updated|sent|shipped|processed|issued|credited|booked|arranged|deleted|removed|reset|"
    "activated|deactivated|blocked|unblocked|unlocked|extended|approved|upgraded|escalated|forwarded|transferred|"
    "contacted|checked|verified|confirmed|initiated|created|placed|reserved|applied|waived"
)
_DO = (
    "refund|cancel|change|update|send|ship|process|issue|credit|book|arrange|delete|remove|reset|activate|block|unblock|"
    "unlock|extend|approve|upgrade|escalate|forward|transfer|contact|check|verify|confirm|initiate|create|place|reserve|"
    "apply|waive|call you|get back to you"
)
_DOING = "refunding|cancell?ing|sending|processing|updating|forwarding|checking|transferring"
_ERLEDIGT = (
    "erstattet|storniert|geandert|geschickt|gesendet|verschickt|geloscht|gutgeschrieben|veranlasst|aktiviert|gesperrt|"
    "verlangert|weitergeleitet|uberpruft|bestatigt"
)
_TUN = "erstatten|stornieren|andern|schicken|senden|loschen|veranlassen|aktivieren|sperren|weiterleiten|bestatigen"
_GEDAAN = "terugbetaald|geannuleerd|gewijzigd|verstuurd|verwijderd|doorgestuurd"
_FAIT = "rembourse|annule|modifie|envoye|supprime|credite|active|bloque|transfere|verifie|confirme|traite"
_FAIRE = "rembourser|annuler|modifier|envoyer|supprimer|verifier|confirmer|transferer"
_HECHO = (
    "reembolsado|cancelado|cambiado|enviado|eliminado|procesado|activado|bloqueado|transferido|verificado|confirmado|"
    "tramitado"
)
_FATTO = "rimborsato|annullato|modificato|inviato|spedito|eliminato|verificato|confermato"
_FIZ = "reembolsei|cancelei|alterei|enviei|apaguei|verifiquei|confirmei|processei"
_PROMISES = (
    rf"\b(?:i|we)(?:'ve| have|) (?:just |now |already |\w+ly )*(?:{_DONE}) (?:your|you|it|the|this|that|an?)\b",
    rf"\b(?:i|we)(?:'ve| have) (?:just |now |already |\w+ly )*(?:{_DONE})\b",
    rf"\b(?:i'll|i will|i am going to|i'm going to|i can|let me) (?:\w+ly |now |also )?(?:{_DO})\b",
    rf"\b(?:i am|i'm) (?:now )?(?:{_DOING})\b",
    rf"(?<!once )(?<!after )(?<!when )(?<!if )(?<!until )\byour [\w ]{{2,30}} (?:has|have) (?:\w+ )?been (?:{_DONE})\b",
    rf"\b(?:ich habe|wir haben) (?:[\w-]+ ){{0,6}}(?:{_ERLEDIGT})\b",
    rf"\bich (?:werde|kann) (?:[\w-]+ ){{0,6}}(?:{_TUN})\b",
    rf"\b(?:ik heb|we hebben|wij hebben) (?:[\w-]+ ){{0,6}}(?:{_GEDAAN})\b",
    rf"\b(?:j'ai|nous avons) (?:[\w'-]+ ){{0,3}}(?:{_FAIT})\w*\b",
    rf"\bje vais (?:[\w'-]+ ){{0,3}}(?:{_FAIRE})\b",
    rf"\b(?:he|hemos) (?:[\w-]+ ){{0,3}}(?:{_HECHO})\b",
    rf"\b(?:ho|abbiamo) (?:[\w-]+ ){{0,3}}(?:{_FATTO})\b",
    rf"\b(?:{_FIZ})\b",
)
_PROMISE = re.compile("|".join(_PROMISES))
_SECRETS = (
    "password|passcode|pass phrase|security code|one-time code|verification code|card number|cvv|cvc|pin|otp|ssn|"
    "social security number|secret|mother's maiden name|passwort|kennwort|kartennummer|mot de passe|"
    r"numero de (?:la )?(?:carte|tarjeta)|contrasena|clave|parola d'ordine|senha|wachtwoord|haslo|sifre\w*|"
    r"парол\w*"
)
_SECRET = rf"(?:\b(?:{_SECRETS})\b|パスワード|暗証番号|密码|验证码)"
_ASK = (
    "send|tell|give|share|provide|enter|type|reply with|confirm|submit|what is your|what's your|let me know|"
    r"let us know|schick\w*|sende\w*|nenn\w*|gib|geben sie|wie lautet|envo\w+|donne\w*|indique\w*|communique\w*|"
    r"envi\w+|diga\w*|dime|facilit\w+|proporcion\w+|cual es|invi\w+|forni\w+|comunic\w+|inform\w+|forne\w+|qual e|"
    r"stuur|geef|podaj|wyslij|gonder\w*|отправ\w*|сообщ\w*|назов\w*"
)
_ASKS = rf"(?:\b(?:{_ASK})\b|教えて|送って|提供|告诉|发送)"
_ASKED = re.compile(rf"({_ASKS})(?:\W+[\w'-]+){{0,4}}?\W*({_SECRET})")


def never_said(sentence: str, evidence: str) -> str | None:
    """Why the sentence is never said, or None. `evidence` is what the articles say: what stands in it word by word is
    no deed of the agent, and a secret that it has people type somewhere is not asked for by the agent.
    """
    plain = fold(sentence)
    if _PROMISE.search(plain) and plain.strip(" .!") not in fold(evidence):
        return "a promise or deed that the agent can't keep"
    asked = _asked(plain)
    return "a request for a secret" if asked and not asked <= _asked(fold(evidence)) else None


def _asked(plain: str) -> set[tuple[str, str]]:
    """What is asked for in which word, such as ("enter", "verification code")."""
    return {(match[1], match[2]) for match in _ASKED.finditer(plain)}
