"""What counts as a customer's word that they were helped. In doubt it is none."""

from __future__ import annotations

import pytest

from onethread.conversation.thanks import is_thanks

HELPED = [
    "Thanks!", "thank you so much", "Perfect, thanks a lot, that worked", "That solved it 🎉", "ok thx",
    "Great, it's working now", "Hi Sam,\n\nThanks, that was very helpful!\n\nBest regards\nAna Ruiz",
    "Danke, das hat geholfen!", "Vielen Dank", "Merci beaucoup", "Muchas gracias, perfecto", "Grazie mille!",
    "Muito obrigado", "Bedankt, top!", "Tack så mycket", "Dziękuję bardzo", "Çok teşekkür ederim",
    "Спасибо большое!", "ありがとうございます。", "谢谢!", "감사합니다", "THANK YOU!!!",
]  # fmt: skip
NOT_HELPED = [
    "", "🙂", "Thanks, but it still does not work", "thanks anyway", "Thanks for nothing",
    "Thanks. Where is my parcel?", "thanks, and how long does it take?", "No thanks", "This is not solved",
    "Thanks, I will try it tomorrow", "ok", "yes", "Danke, aber es geht nicht", "Merci, mais non",
    "Gracias por nada", "thank you\nOne more thing: my address is wrong.", "Great, another useless answer",
    "Thanks, please cancel my order 20418", "谢谢，但是还不行", "Thank you in advance",
    "Hello,\n\nthe lamp is broken.\n\nThanks\nAna",
]  # fmt: skip


@pytest.mark.parametrize("text", HELPED)
def test_thanks_and_no_more_is_a_confirmation(text: str) -> None:
    assert is_thanks(text)


@pytest.mark.parametrize("text", NOT_HELPED)
def test_whatever_says_more_is_none(text: str) -> None:
    assert not is_thanks(text)
