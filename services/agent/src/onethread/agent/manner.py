"""How the agent speaks on each kind of channel, and the few sentences that are its own. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from onethread.agent.decide import Why
from onethread.agent.words import Language, language
from onethread.contracts.messages import ChannelKind


@dataclass(frozen=True)
class Manner:
    """`words` is about how long an answer may be; `streams` whether the channel shows it while it is written."""

    words: int
    streams: bool = False
    letter: bool = False
    advice: str = ""


MANNERS: Mapping[ChannelKind, Manner] = {
    "widget": Manner(70, streams=True, advice="Live chat: at most four short sentences, or a short list."),
    "slack": Manner(80, advice="A chat in Slack: at most five short sentences, or a short list."),
    "email": Manner(130, letter=True, advice="An email: complete but short; no greeting and no sign-off."),
}

Phrase = Literal["greeting", "thanks"] | Why
_PHRASES: Mapping[Language, Mapping[Phrase, str]] = {
    "en": {
        "greeting": "Hello! What can I help you with?",
        "thanks": "You are welcome! Write again whenever something comes up.",
        "person": "Of course. I have passed this to a person; they will answer you {here}.",
        "account": "I can't look into your orders or your account, so I have passed this to a person who can. "
        "They will answer you {here}.",
        "unsure": "I am not sure about this one, so I have passed it to a person. They will answer you {here}.",
        "trouble": "I can't look this up just now, so I have passed it to a person. They will answer you {here}.",
    },
    "de": {
        "greeting": "Hallo! Womit kann ich helfen?",
        "thanks": "Gern geschehen! Schreiben Sie jederzeit wieder.",
        "person": "Gern. Ich habe das an einen Menschen weitergegeben; die Antwort kommt {here}.",
        "account": "In Bestellungen und Konten kann ich nicht sehen, deshalb habe ich das an einen Menschen "
        "weitergegeben. Die Antwort kommt {here}.",
        "unsure": "Hier bin ich mir nicht sicher, deshalb habe ich das an einen Menschen weitergegeben. "
        "Die Antwort kommt {here}.",
        "trouble": "Das kann ich gerade nicht nachsehen, deshalb habe ich es an einen Menschen weitergegeben. "
        "Die Antwort kommt {here}.",
    },
    "fr": {
        "greeting": "Bonjour ! Comment puis-je vous aider ?",
        "thanks": "Avec plaisir ! N'hésitez pas à nous écrire à nouveau.",
        "person": "Bien sûr. J'ai transmis votre message à une personne, qui vous répondra {here}.",
        "account": "Je n'ai pas accès à vos commandes ni à votre compte ; j'ai donc transmis votre message à une "
        "personne, qui vous répondra {here}.",
        "unsure": "Je n'en suis pas certain ; j'ai donc transmis votre question à une personne, "
        "qui vous répondra {here}.",
        "trouble": "Je ne peux pas le vérifier pour le moment ; j'ai donc transmis votre question à une personne, "
        "qui vous répondra {here}.",
    },
    "es": {
        "greeting": "¡Hola! ¿En qué puedo ayudarle?",
        "thanks": "¡De nada! Escríbanos cuando quiera.",
        "person": "Por supuesto. He pasado su mensaje a una persona, que le responderá {here}.",
        "account": "No puedo ver sus pedidos ni su cuenta, así que he pasado su mensaje a una persona, "
        "que le responderá {here}.",
        "unsure": "No estoy seguro de esto, así que lo he pasado a una persona, que le responderá {here}.",
        "trouble": "Ahora mismo no puedo consultarlo, así que lo he pasado a una persona, que le responderá {here}.",
    },
}
_HERE: Mapping[Language, tuple[str, str]] = {
    "en": ("here", "by email"),
    "de": ("hier", "per E-Mail"),
    "fr": ("ici", "par e-mail"),
    "es": ("aquí", "por correo"),
}
_LETTER: Mapping[Language, tuple[str, str]] = {
    "en": ("Hello", "Kind regards\nThe support assistant"),
    "de": ("Guten Tag", "Viele Grüße\nDer Support-Assistent"),
    "fr": ("Bonjour", "Cordialement\nL'assistant du support"),
    "es": ("Hola", "Saludos cordiales\nEl asistente de soporte"),
}
_FIRST_NAME = re.compile(r"[^\W\d_][^\W\d_'’-]{1,29}")


def phrase(which: Phrase, kind: ChannelKind, question: str) -> str:
    """One of the agent's own sentences, in the customer's language where it is known, else in English."""
    tongue = language(question) or "en"
    here = _HERE[tongue][MANNERS[kind].letter]
    return _PHRASES[tongue][which].format(here=here)


def dress(text: str, kind: ChannelKind, name: str | None = None) -> str:
    """`text` as the channel says it: a letter greets and signs. Sources are shown by the gateways."""
    if not MANNERS[kind].letter:
        return text
    hello, goodbye = _LETTER[language(text) or "en"]
    # A name is only what the sender calls themself: no links, no sentences.
    first = _FIRST_NAME.fullmatch((name or "").split()[0]) if (name or "").split() else None
    greeting = f"{hello} {first[0]}," if first else f"{hello},"
    return f"{greeting}\n\n{text}\n\n{goodbye}"
