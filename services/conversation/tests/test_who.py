"""Whose message is it? The pure decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onethread.contracts.messages import Identity
from onethread.conversation import who

DAY = datetime(2026, 11, 1, tzinfo=UTC)


def verified(spelled: str) -> Identity:
    kind, value = spelled.split(" ")
    return Identity(kind=kind, value=value, trust="verified")


def asserted(spelled: str) -> Identity:
    return verified(spelled).model_copy(update={"trust": "asserted"})


@dataclass(frozen=True)
class Row:
    """What FIND answers."""

    kind: str
    value: str
    trust: str
    home: UUID
    root: UUID
    created_at: datetime
    home_name: str | None
    home_email: str | None
    name: str | None
    email: str | None
    cluster: list[list[str]]
    apart: list[UUID]


@dataclass
class Person:
    """A cluster as stored. `number` is its root's id and its age."""

    number: int
    has: list[str] = field(default_factory=list)
    apart: list[Person] = field(default_factory=list)
    name: str | None = None
    email: str | None = None
    homes: dict[str, int] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        return UUID(int=self.number)

    def rows(self, said: list[Identity]) -> list[Row]:
        asked = {(i.kind, i.value): i.trust for i in said}
        pairs = [one.split(" ") for one in self.has]
        return [self._row(k, v, asked[k, v], pairs) for k, v in pairs if (k, v) in asked]

    def _row(self, kind: str, value: str, trust: str, pairs: list[list[str]]) -> Row:
        home = UUID(int=self.homes.get(f"{kind} {value}", self.number))
        is_root = home == self.id
        return Row(
            kind, value, trust, home, self.id, DAY + timedelta(days=self.number),
            self.name if is_root else None, self.email if is_root else None, self.name, self.email,
            [pair for pair in pairs if pair[0] != "visitor"], [one.id for one in self.apart],
        )  # fmt: skip


def say(message: str, *people: Person, name: str | None = None) -> who.Resolved:
    """`message`: the identities it carries, the own one first, as `kind value, kind value`."""
    said = [verified(one) for one in message.split(", ")]
    linking = who.that_link(said)
    return who.resolve(linking, name, [row for one in people for row in one.rows(linking)])


def linked(resolved: who.Resolved) -> list[str]:
    return [f"{one.kind} {one.value}" for one in resolved.to_link]


def merged(resolved: who.Resolved) -> list[int]:
    return [one.root.int for one in resolved.merge]


def suggested(resolved: who.Resolved) -> dict[int, str]:
    return {one.root.int: one.reason for one in resolved.suggest}


def test_somebody_whom_nothing_finds_is_a_new_customer_with_all_that_is_proven() -> None:
    resolved = say("site_user 17, email ana@acme.com, visitor v", name="Ana")
    assert resolved.is_new
    assert resolved.home == resolved.root
    assert linked(resolved) == ["site_user 17", "email ana@acme.com", "visitor v"]
    assert (resolved.name, resolved.email) == ("Ana", "ana@acme.com")


def test_an_address_in_any_case_and_spelling_is_one_identity() -> None:
    person = Person(1, ["email ana@xn--exmple-cua.com"])
    for spelled in ("Ana@Exämple.com", "ANA@XN--EXMPLE-CUA.COM", "ana@exa\u0308mple.com"):
        assert say(f"email {spelled}", person).root == person.id


def test_the_same_verified_address_on_another_channel_is_the_same_customer() -> None:
    person = Person(1, ["email ana@acme.com"])
    resolved = say("slack_user T/U1, email ana@acme.com", person)
    assert (resolved.root, linked(resolved), merged(resolved)) == (person.id, ["slack_user T/U1"], [])


def test_a_new_identity_comes_home_to_the_customer_of_the_address_that_proves_it() -> None:
    person = Person(1, ["site_user 17", "email ana@acme.com"], homes={"email ana@acme.com": 5})
    resolved = say("slack_user T/U1, email ana@acme.com", person)
    assert (resolved.home.int, resolved.root.int) == (5, 1)


def test_the_own_identitys_home_wins_over_an_older_customer() -> None:
    older, own = Person(1, ["email ana@acme.com"]), Person(2, ["slack_user T/U1"])
    resolved = say("slack_user T/U1, email ana@acme.com", older, own)
    assert (resolved.home, resolved.root, merged(resolved)) == (own.id, own.id, [1])
    assert resolved.merge[0].reason == "Both use ana@acme.com."


def test_an_anonymous_visitor_becomes_the_person_who_signs_in_on_that_browser() -> None:
    visitor = Person(1, ["visitor v"])
    resolved = say("site_user 17, email ana@acme.com, visitor v", visitor)
    assert (resolved.root, resolved.is_new) == (visitor.id, False)
    assert linked(resolved) == ["site_user 17", "email ana@acme.com"]


def test_an_anonymous_visitor_merges_into_the_known_person_who_signs_in_there_even_if_older() -> None:
    visitor, ana = Person(1, ["visitor v"]), Person(2, ["email ana@acme.com"])
    resolved = say("site_user 17, email ana@acme.com, visitor v", visitor, ana)
    assert (resolved.root, resolved.home, merged(resolved)) == (ana.id, ana.id, [1])
    assert linked(resolved) == ["site_user 17"]


def test_a_second_person_on_one_browser_is_a_new_customer_and_the_visitor_stays_where_it_was() -> None:
    ana = Person(1, ["site_user 17", "visitor v"])
    resolved = say("site_user 42, email bob@acme.com, visitor v", ana)
    assert resolved.is_new
    assert linked(resolved) == ["site_user 42", "email bob@acme.com"]
    assert suggested(resolved)[1].startswith("Both used the same browser. They have different accounts on your site")


def test_a_browser_on_which_somebody_proved_an_address_does_not_lend_it_to_the_next() -> None:
    ana = Person(1, ["email ana@acme.com", "visitor v"])
    resolved = say("site_user 42, visitor v", ana)
    assert resolved.is_new
    assert suggested(resolved) == {1: "Both used the same browser. Several people may use one browser."}


def test_a_browser_alone_does_not_add_an_account_to_whoever_is_known_there() -> None:
    ana, bob = Person(1, ["email ana@acme.com", "visitor v"]), Person(2, ["site_user 42"])
    assert linked(say("visitor v, site_user 7", ana)) == []
    assert merged(say("visitor v, site_user 42", ana, bob)) == []


def test_two_accounts_of_the_site_with_one_address_stay_two_customers() -> None:
    ana = Person(1, ["site_user 17", "email ana@acme.com"])
    resolved = say("site_user 42, email ana@acme.com", ana)
    assert resolved.is_new
    assert resolved.email is None
    assert linked(resolved) == ["site_user 42"]
    assert suggested(resolved) == {
        1: "Both use ana@acme.com. They have different accounts on your site: 42 and 17.",
    }


def test_a_recycled_address_in_slack_is_a_new_customer_and_suggested() -> None:
    before = Person(1, ["slack_user T/U1", "email ana@acme.com"])
    resolved = say("slack_user T/U2, email ana@acme.com", before)
    assert resolved.is_new
    assert "different people in the Slack workspace T: U2 and U1" in suggested(resolved)[1]


def test_users_of_two_slack_workspaces_with_one_address_are_one_customer() -> None:
    ana = Person(1, ["slack_user T/U1", "email ana@acme.com"])
    assert say("slack_user Other/U9, email ana@acme.com", ana).root == ana.id


def test_a_slack_user_whose_address_changes_keeps_both() -> None:
    ana = Person(1, ["slack_user T/U1", "email ana@old.com"])
    resolved = say("slack_user T/U1, email ana@new.com", ana)
    assert (resolved.root, linked(resolved)) == (ana.id, ["email ana@new.com"])


def test_a_changed_address_that_belongs_to_another_customer_merges_nobody() -> None:
    ana, bob = Person(1, ["slack_user T/U1", "email ana@old.com"]), Person(2, ["email bob@new.com"])
    resolved = say("slack_user T/U1, email bob@new.com", ana, bob)
    assert (resolved.root, linked(resolved), merged(resolved)) == (ana.id, [], [])
    assert suggested(resolved) == {
        2: "Both use bob@new.com. They have different mail addresses: ana@old.com and bob@new.com.",
    }


@pytest.mark.parametrize("address", ["info@acme.com", "support+eu@acme.com", "family@ruiz.example"])
def test_a_shared_address_joins_no_two_people(address: str) -> None:
    mailbox, ana = Person(1, [f"email {address}"]), Person(2, ["site_user 17"])
    for people in ((mailbox,), (mailbox, ana)):
        resolved = say(f"site_user 17, email {address}", *people)
        assert merged(resolved) == []
        assert resolved.root != mailbox.id
        assert suggested(resolved) == {1: f"Both use {address}. Several people may write from {address}."}


def test_a_shared_address_that_nobody_has_belongs_to_the_account_that_registered_it() -> None:
    assert linked(say("site_user 17, email info@acme.com", Person(1, ["site_user 17"]))) == ["email info@acme.com"]


def test_a_browser_that_proves_a_shared_address_joins_its_customer() -> None:
    visitor, mailbox = Person(1, ["visitor v"]), Person(2, ["email info@acme.com"])
    resolved = say("visitor v, email info@acme.com", visitor, mailbox)
    assert (resolved.root, merged(resolved)) == (mailbox.id, [1])
    assert resolved.merge[0].reason == "Both use info@acme.com."


def test_a_mail_from_a_shared_address_finds_its_own_customer() -> None:
    mailbox = Person(1, ["email info@acme.com"])
    assert say("email info@acme.com", mailbox).root == mailbox.id


def test_a_plus_address_and_gmail_dots_are_other_identities() -> None:
    ana = Person(1, ["email anaruiz@gmail.com"])
    assert say("email anaruiz+shop@gmail.com", ana).is_new
    assert say("email ana.ruiz@gmail.com", ana).is_new


def test_a_look_alike_is_somebody_else() -> None:
    assert say("email ana@p\u0430ypal.com", Person(1, ["email ana@paypal.com"])).is_new


def test_what_a_teammate_set_apart_stays_apart_whatever_proves_it() -> None:
    bob = Person(2, ["email ana@acme.com"])
    ana = Person(1, ["slack_user T/U1"], apart=[bob])
    resolved = say("slack_user T/U1, email ana@acme.com", ana, bob)
    assert merged(resolved) == []
    assert suggested(resolved) == {2: "Both use ana@acme.com. A teammate keeps them apart."}


def test_customers_set_apart_from_each_other_do_not_meet_in_a_third() -> None:
    ana = Person(1, ["site_user 17"])
    bob = Person(2, ["email ana@acme.com"], apart=[ana])
    visitor = Person(3, ["visitor v"])
    resolved = say("visitor v, site_user 17, email ana@acme.com", ana, bob, visitor)
    assert (resolved.root, resolved.home, merged(resolved)) == (ana.id, visitor.id, [3])
    assert list(suggested(resolved)) == [2]


def test_those_who_contradict_each_other_do_not_meet_in_a_third() -> None:
    ana, bob = Person(1, ["site_user 17"]), Person(2, ["slack_user T/U2", "site_user 42"])
    resolved = say("visitor v, site_user 17, slack_user T/U2", ana, bob, Person(3, ["visitor v"]))
    assert (resolved.root, merged(resolved), list(suggested(resolved))) == (ana.id, [3], [2])


def test_an_unproven_sender_finds_only_themself() -> None:
    said = who.that_link([asserted("email ana@acme.com"), verified("site_user 17")])
    assert [one.trust for one in said] == ["asserted"]
    ana = Person(1, ["email ana@acme.com"]).rows([verified("email ana@acme.com")])
    assert who.resolve(said, None, ana).is_new


def test_what_is_only_claimed_beside_a_proven_identity_is_kept_and_never_links() -> None:
    said = [verified("visitor v"), asserted("email Ana@Acme.com")]
    assert who.that_link(said) == [said[0]]
    assert [one.value for one in who.claims(said)] == ["ana@acme.com"]
    assert who.claims([asserted("email ana@acme.com")]) == []


def test_what_is_learned_is_the_homes_so_that_unmerge_takes_it_along() -> None:
    person = Person(1, ["site_user 17", "email ana@acme.com"], name="Ana", homes={"email ana@acme.com": 5})
    resolved = say("email ana@acme.com", person, name="A. Ruiz")
    assert (resolved.name, resolved.learned, resolved.learned_name) == ("Ana", True, "A. Ruiz")
    assert resolved.learned_email == "ana@acme.com"


def test_an_address_of_another_home_is_not_learned() -> None:
    person = Person(1, ["site_user 17", "email ana@acme.com"], email="ana@acme.com", homes={"site_user 17": 5})
    resolved = say("site_user 17, email ana@acme.com", person)
    assert (resolved.email, resolved.learned_email, resolved.learned) == ("ana@acme.com", None, False)


def test_an_address_of_the_home_is_learned() -> None:
    person = Person(1, ["site_user 17", "email ana@acme.com"])
    resolved = say("site_user 17, email ana@acme.com", person)
    assert (resolved.email, resolved.learned_email, resolved.learned) == ("ana@acme.com", "ana@acme.com", True)


def test_nothing_is_learned_twice() -> None:
    person = Person(1, ["email ana@acme.com"], name="Ana", email="ana@acme.com")
    assert not say("email ana@acme.com", person, name="Ana").learned


def test_an_account_joins_somebody_known_only_with_the_graph_to_itself() -> None:
    ana = Person(1, ["email ana@acme.com"])
    assert say("slack_user T/U1, email ana@acme.com", ana).joins
    assert not say("slack_user T/U1, email ana@acme.com").joins
    assert not say("email ana@acme.com, visitor v", ana).joins


@pytest.mark.parametrize(
    ("first", "others", "stays"),
    [
        (Person(3, ["site_user 17"]), [Person(1, ["email a@b.c"])], 3),
        (Person(3, ["email a@b.c"]), [Person(1, ["visitor v"])], 3),
        (Person(3, ["visitor v"]), [Person(2, ["email a@b.c"]), Person(1, ["visitor w"])], 2),
        (Person(3, ["visitor v"]), [Person(2, ["site_user 1"]), Person(1, ["email a@b.c"])], 1),
        (Person(3, ["visitor v"]), [Person(1, ["visitor w"])], 1),
    ],
)
def test_of_a_merge_stays_the_one_in_question_if_a_person_else_the_oldest_person(
    first: Person, others: list[Person], stays: int
) -> None:
    clusters = [one.rows([verified(one.has[0])])[0] for one in (first, *others)]
    assert who.survivor(*clusters).root.int == stays


def test_contradictions_are_sentences_for_a_preview() -> None:
    one = [("site_user", "17"), ("email", "ana@acme.com"), ("slack_user", "T/U1"), ("visitor", "v")]
    other = [["site_user", "42"], ["email", "bob@acme.com"], ["slack_user", "X/U2"], ["visitor", "w"]]
    assert who.contradictions(one, other) == [
        "They have different mail addresses: ana@acme.com and bob@acme.com.",
        "They have different accounts on your site: 17 and 42.",
    ]
    assert who.contradictions(one, []) == []


IDENTITIES = [
    "site_user 1", "site_user 2", "slack_user T/U1", "slack_user T/U2", "slack_user X/U1", "email ana@acme.com",
    "email bob@acme.com", "email info@acme.com", "visitor v", "visitor w",
]  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Identity], list[Row], dict[UUID, Person]]:
    """A message, the rows that it finds, and the customers who exist: each identity of one, some set apart."""
    owners = draw(st.lists(st.integers(0, 5), min_size=len(IDENTITIES), max_size=len(IDENTITIES)))
    people = [
        Person(n, [one for one, owner in zip(IDENTITIES, owners, strict=True) if owner == n]) for n in range(1, 6)
    ]
    for left, right in draw(st.lists(st.tuples(st.sampled_from(people), st.sampled_from(people)), max_size=2)):
        if left is not right:
            left.apart.append(right)
            right.apart.append(left)
    carried = draw(st.lists(st.sampled_from(IDENTITIES), min_size=1, max_size=4, unique=True))
    trusts = draw(st.lists(st.sampled_from(["verified", "verified", "asserted"]), min_size=4, max_size=4))
    said = [verified(one).model_copy(update={"trust": trust}) for one, trust in zip(carried, trusts, strict=False)]
    everything = [verified(one) for one in IDENTITIES]
    rows = [row for one in people for row in one.rows(everything)]
    return said, rows, {one.id: one for one in people}


def known(person: Person) -> list[list[str]]:
    return [one.split(" ") for one in person.has]


def everyone(resolved: who.Resolved) -> list[UUID]:
    return [resolved.root, *(one.root for one in resolved.merge)]


@settings(max_examples=500)
@given(worlds())
def test_nobody_is_found_by_what_is_only_claimed(world: Any) -> None:
    said, rows, people = world
    linking = who.that_link(said)
    proven = {f"{one.kind} {one.value}" for one in linking if one.trust == "verified"}
    resolved = who.resolve(linking, None, rows)
    for root in [*everyone(resolved), *(one.root for one in resolved.suggest)]:
        assert root not in people or proven & set(people[root].has)


@settings(max_examples=500)
@given(worlds())
def test_no_merge_joins_what_contradicts_or_was_set_apart(world: Any) -> None:
    said, rows, people = world
    joined = [people[root] for root in everyone(who.resolve(who.that_link(said), None, rows)) if root in people]
    for one in joined:
        for other in joined:
            if one is not other:
                assert who.contradictions(known(one), known(other)) == []
                assert other not in one.apart


@given(worlds())
def test_no_account_is_added_to_a_person_who_has_another_one(world: Any) -> None:
    said, rows, people = world
    resolved = who.resolve(who.that_link(said), None, rows)
    accounts = [[one.kind, one.value] for one in resolved.to_link if one.kind in who.PERSONAL]
    for root in everyone(resolved):
        if root in people:
            assert who.contradictions(accounts, known(people[root])) == []


@given(worlds(), st.randoms())
def test_the_order_of_what_is_found_decides_nothing(world: Any, random: Any) -> None:
    said, rows, _ = world
    linking = who.that_link(said)
    shuffled = random.sample(rows, len(rows))
    one, other = who.resolve(linking, "Ana", rows), who.resolve(linking, "Ana", shuffled)
    if one.is_new:
        assert other.is_new
        assert (one.to_link, one.suggest) == (other.to_link, other.suggest)
    else:
        assert one == other


@given(worlds())
def test_each_identity_has_one_customer(world: Any) -> None:
    said, rows, _ = world
    linking = who.that_link(said)
    resolved = who.resolve(linking, None, rows)
    taken = {(row.kind, row.value, row.trust) for row in rows}
    assert not taken & {(one.kind, one.value, one.trust) for one in resolved.to_link}
    own = linking[0]
    assert own in resolved.to_link or (own.kind, own.value, own.trust) in taken


@given(worlds())
def test_who_is_merged_is_not_suggested_too(world: Any) -> None:
    said, rows, _ = world
    resolved = who.resolve(who.that_link(said), None, rows)
    told = [*everyone(resolved), *(one.root for one in resolved.suggest)]
    assert len(told) == len(set(told))


@given(st.permutations(["v1", "v2", "v3"]))
def test_everybody_locks_in_the_same_order(values: list[str]) -> None:
    keys = who.lock_keys("local", [verified(f"email {value}") for value in values])
    assert keys == sorted(keys)


WAYS = [
    "visitor {0}v",
    "visitor {0}w",
    "site_user {0}, visitor {0}v",
    "site_user {0}, email {0}@acme.com, visitor {0}w",
    "email {0}@acme.com",
    "slack_user T/{0}, email {0}@acme.com",
    "slack_user X/{0}",
]


@given(
    st.lists(st.builds(str.format, st.sampled_from(WAYS), st.sampled_from(["ana", "bob"])), max_size=8), st.randoms()
)
def test_the_order_in_which_messages_arrive_does_not_change_who_is_who(messages: list[str], random: Any) -> None:
    """Two people on all channels: what is connected by proof is one customer, and nothing else is."""
    people: dict[UUID, Person] = {}
    for number, message in enumerate(random.sample(messages, len(messages)), start=1):
        hear(people, number, message)
    assert sorted(sorted(one.has) for one in people.values()) == sorted(sorted(one) for one in connected(messages))


def connected(messages: list[str]) -> list[set[str]]:
    groups: list[set[str]] = []
    for message in messages:
        group = set(message.split(", "))
        for other in [one for one in groups if one & group]:
            group |= other
            groups.remove(other)
        groups.append(group)
    return groups


def hear(people: dict[UUID, Person], number: int, message: str) -> None:
    """Does to `people` what a message changes."""
    resolved = say(message, *people.values())
    if resolved.is_new:
        person = people[UUID(int=number)] = Person(number)
    else:
        person = people[resolved.root]
    person.has += linked(resolved)
    for other in resolved.merge:
        person.has += people.pop(other.root).has
