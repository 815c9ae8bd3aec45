from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from onethread.gateway_email.tokens import Signer, token_in

SUPPORT = "support@desk.example"
SIGNER = Signer(("first secret here",), "local")
emails = st.from_regex(r"\A[a-z0-9.]{1,20}@[a-z]{1,10}\.example\Z")


@given(st.uuids(), emails)
def test_a_token_names_its_thread_for_its_recipient(thread: UUID, recipient: str):
    address = SIGNER.reply_address(SUPPORT, thread, recipient)
    local = address.partition("@")[0]
    assert len(local) <= 64
    assert address == address.lower()
    token = token_in(address.upper(), SUPPORT)
    assert token
    assert SIGNER.thread_of(token, recipient.upper()) == thread


@given(st.uuids(), emails, emails)
def test_a_token_is_worth_nothing_to_another_sender(thread: UUID, recipient: str, other: str):
    if recipient != other:
        assert SIGNER.thread_of(SIGNER.token(thread, recipient), other) is None


@given(st.uuids(), emails, st.integers(0, 41), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_character_breaks_a_token(thread: UUID, recipient: str, at: int, letter: str):
    token = SIGNER.token(thread, recipient)
    changed = token[:at] + letter + token[at + 1 :]
    assert changed == token or SIGNER.thread_of(changed, recipient) is None


@given(st.text(max_size=80), emails)
def test_any_text_is_an_answerable_token(token: str, sender: str):
    assert SIGNER.thread_of(token, sender) is None


def test_a_replaced_secret_is_still_accepted_and_no_longer_used():
    thread, recipient = uuid4(), "ann@customer.example"
    both = Signer(("second secret here", "first secret here"), "local")
    assert both.thread_of(SIGNER.token(thread, recipient), recipient) == thread
    assert SIGNER.thread_of(both.token(thread, recipient), recipient) is None
    assert both.is_ours(SIGNER.message_id(thread, "desk.example"))


def test_a_token_of_another_workspace_is_not_ours():
    thread, recipient = uuid4(), "ann@customer.example"
    other = Signer(SIGNER.secrets, "acme")
    assert SIGNER.thread_of(other.token(thread, recipient), recipient) is None
    assert not SIGNER.is_ours(other.message_id(thread, "desk.example"))


def test_a_token_of_one_channel_names_nothing_on_another_and_a_workspaces_mails_are_its_own_on_all():
    thread, recipient = uuid4(), "ann@customer.example"
    sales, help_ = (Signer(SIGNER.secrets, "local", channel) for channel in ("sales", "help"))
    assert sales.thread_of(sales.token(thread, recipient), recipient) == thread
    for other in (help_, SIGNER):
        assert other.thread_of(sales.token(thread, recipient), recipient) is None
        assert sales.thread_of(other.token(thread, recipient), recipient) is None
    assert SIGNER.is_ours(sales.message_id(thread, "desk.example"))
    assert SIGNER.instances() == sales.instances()


def test_a_message_id_is_stable_and_cannot_be_guessed():
    message = uuid4()
    assert SIGNER.message_id(message, "desk.example") == SIGNER.message_id(message, "desk.example")
    assert SIGNER.is_ours(SIGNER.message_id(message, "desk.example"))
    assert not SIGNER.is_ours(f"<{message}.aaaaaaaaaaaaaaaa@desk.example>")
    assert not SIGNER.is_ours("<conversation/1001@desk.example>")


def test_a_long_support_address_goes_without_a_token():
    support = "the-customer-care-team-of-the-shop@desk.example"
    assert SIGNER.reply_address(support, uuid4(), "ann@customer.example") == support


def test_only_our_own_address_and_its_extensions_are_ours():
    assert token_in("Support@Desk.example", SUPPORT) == ""
    assert token_in("support+abc@desk.example", SUPPORT) == "abc"
    assert token_in("sales@desk.example", SUPPORT) is None
    assert token_in("support@desk.example.evil.example", SUPPORT) is None
    assert token_in("supporter@desk.example", SUPPORT) is None
