"""Who is this? Pure decisions over what one query finds. Only evidence links, and nothing that speaks against itself.

An identity's home is the customer it came in as, and never changes. Customers who were found to be one person form a
cluster; its root stands for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

from onethread.contracts.messages import Identity, ReceivedMessage
from onethread.conversation.companies import is_role_address
from onethread.conversation.likeness import normal_address

FOUND = """select i.kind, i.value, i.trust, h.id as home, h.name as home_name, h.email as home_email,
        r.id as root, r.created_at, r.name, r.email, """
# Lists only what can speak against a merge: of verified identities, those of people, not of browsers.
FIND = f"""{FOUND}
        array(select array[x.kind, x.value] from customer m
            join identity x on x.customer_id = m.id and x.workspace_id = m.workspace_id
            where m.root_id = r.id and m.workspace_id = r.workspace_id and x.trust = 'verified' and x.kind <> 'visitor'
        ) as cluster,
        array(select o.root_id from customer m cross join lateral (
                select p.b as id from apart p where p.a = m.id and p.workspace_id = m.workspace_id
                union all
                select p.a from apart p where p.b = m.id and p.workspace_id = m.workspace_id) p
            join customer o on o.id = p.id and o.workspace_id = m.workspace_id
            where m.root_id = r.id and m.workspace_id = r.workspace_id
        ) as apart
    from unnest(%s::text[], %s::text[], %s::text[]) as k(kind, value, trust)
    join identity i on i.workspace_id = %s and i.kind = k.kind and i.value = k.value and i.trust = k.trust
    join customer h on h.id = i.customer_id and h.workspace_id = i.workspace_id
    join customer r on r.id = h.root_id and r.workspace_id = i.workspace_id"""  # noqa: S608 constants of ours
FIND_ONE = f"""{FOUND} '{{}}'::text[] as cluster, '{{}}'::uuid[] as apart
    from identity i join customer h on h.id = i.customer_id and h.workspace_id = i.workspace_id
    join customer r on r.id = h.root_id and r.workspace_id = i.workspace_id
    where i.kind = %s and i.value = %s and i.trust = %s and i.workspace_id = %s
    for no key update of r"""
"""Where only one identity may link there is nobody to merge, and nothing that could speak against it. Whoever stands
for them is held at once.
"""
LOCK = "select pg_advisory_xact_lock(hashtextextended(key, 0)) from unnest(%s::text[]) as key"
INSERT_CUSTOMER = """insert into customer (id, workspace_id, root_id, name, email, company_id, created_at)
    values (%s, %s, %s, %s, %s, %s, now())"""
INSERT_IDENTITY = """insert into identity
        (id, workspace_id, kind, value, trust, evidence, likeness, customer_id, created_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, now()) on conflict do nothing"""
NAME_CUSTOMER = """update customer set name = coalesce(name, %s), email = coalesce(email, %s),
        company_id = coalesce(company_id, %s), version = version + 1
    where id = %s"""

PERSONAL = ("site_user", "slack_user")
"""An account that one person signs in to."""
STRENGTH = {"site_user": 0, "slack_user": 1, "email": 2, "visitor": 3}
Known = Collection[Sequence[str]]
"""(kind, value) of verified identities."""


class Cluster(Protocol):
    @property
    def root(self) -> UUID: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def cluster(self) -> Known: ...


AnyCluster = TypeVar("AnyCluster", bound=Cluster)


@dataclass(frozen=True)
class Merge:
    root: UUID
    """Of the cluster that is joined."""
    reason: str
    kept: UUID
    absorbed: UUID
    """The homes that the message proves to be one person, on the side that stays and on the other."""


@dataclass(frozen=True)
class Suggestion:
    """The message's person may be `root`, too; `reason` tells a teammate why it was not done by itself."""

    root: UUID
    reason: str


@dataclass(frozen=True)
class Resolved:
    """The person of a message, and what is new about them."""

    home: UUID
    """The customer it came in as. New identities and what is learned are written here."""
    root: UUID
    """Of the cluster, after `merge`."""
    name: str | None
    email: str | None
    is_new: bool
    to_link: list[Identity] = field(default_factory=list)
    learned: bool = False
    """The home had no name or no address before; `learned_name` and `learned_email` fill what it lacks."""
    learned_name: str | None = None
    learned_email: str | None = None
    merge: list[Merge] = field(default_factory=list)
    """Other roots that this message proves to be the same person."""
    suggest: list[Suggestion] = field(default_factory=list)
    vouched: UUID | None = None
    """The root of whom a teammate had written to at this address."""

    @property
    def joins(self) -> bool:
        """It adds a person's account to somebody known, or merges: not beside another message that does the same."""
        return bool(self.merge or self.vouched) or (
            not self.is_new and any(one.kind in PERSONAL for one in self.to_link)
        )


def canonical(identities: Iterable[Identity]) -> list[Identity]:
    """Each address in its one spelling, whoever sent it, and each identity once."""
    spelled = [i.model_copy(update={"value": normal_address(i.value)}) if i.kind == "email" else i for i in identities]
    once: dict[tuple[str, str, str], Identity] = {}
    for one in spelled:
        once.setdefault((one.kind, one.value, one.trust), one)
    return list(once.values())


def that_link(identities: Sequence[Identity]) -> list[Identity]:
    """The identities that may find or gain a customer, the own one first.

    When the message's own identity is verified, so count the other verified ones that it carries. An asserted one
    stands alone: whoever claims an address is not the customer who proved it.
    """
    own, *others = canonical(identities)
    return [own] if own.trust == "asserted" else [own, *(i for i in others if i.trust == "verified")]


def claims(identities: Sequence[Identity]) -> list[Identity]:
    """What a proven sender only says of themself (an address typed in the widget). It never links."""
    own, *others = canonical(identities)
    return [] if own.trust == "asserted" else [i for i in others if i.trust == "asserted"]


def lock_keys(workspace: str, identities: Sequence[Identity]) -> list[str]:
    """In one order for everybody, so that two messages of one person wait for each other and never for ever."""
    return sorted(f"{workspace}\n{i.kind}\n{i.value}\n{i.trust}" for i in identities)


def that_finds(workspace: str, identities: Sequence[Identity]) -> tuple[str, list[Any]]:
    """The statement that finds who they are, and its parameters."""
    if len(identities) > 1:
        return FIND, find_parameters(workspace, identities)
    [own] = identities
    return FIND_ONE, [own.kind, own.value, own.trust, workspace]


def find_parameters(workspace: str, identities: Sequence[Identity]) -> list[Any]:
    return [[i.kind for i in identities], [i.value for i in identities], [i.trust for i in identities], workspace]


def resolve(identities: Sequence[Identity], name: str | None, found: Iterable[Any]) -> Resolved:
    """Decides whose message it is from `that_link` and the rows of FIND, in whatever order these come.

    The own identity's home wins. If it is new, it joins the strongest of those found, where nothing speaks against it.
    All others found are merged or, where something does, suggested.
    """
    own = identities[0]
    rows = _strongest_first(identities, found)
    joined = [row for row in rows if (row.kind, row.value) == (own.kind, own.value)]
    side = _pairs(joined[0].cluster) if joined else {(own.kind, own.value)}
    suggest: list[Suggestion] = []
    for row in rows:
        if any(row.root == one.root for one in (*joined, *suggest)):
            continue
        against = _against(own, row, side, joined)
        if against:
            suggest.append(Suggestion(row.root, f"{_shared(row)} {' '.join(against)}"))
        else:
            joined.append(row)
            side |= _pairs(row.cluster)
    to_link = _linkable(identities, rows, side, _is_known_browser(own, joined))
    return _resolved(identities, name, rows, joined, to_link, suggest)


def nobody_known(said: ReceivedMessage) -> Resolved:
    """The sender of a forged mail: neither whoever it names nor whoever forged another in that name."""
    id_ = uuid4()
    return Resolved(id_, id_, said.name or said.identities[0].value, None, is_new=True)


def contradictions(one: Known, other: Known) -> list[str]:
    """Sentences on what speaks against two clusters being one person: both have proven identities of one kind (for
    Slack: of one workspace) and share none of them. Browsers contradict nobody.
    """
    ours, theirs = _by_kind(one), _by_kind(other)
    return [
        _differ(kind, sorted(ours[kind]), sorted(theirs[kind]))
        for kind in sorted(ours.keys() & theirs.keys())
        if ours[kind].isdisjoint(theirs[kind])
    ]


def is_anonymous(known: Known) -> bool:
    """Nothing but browsers."""
    return all(kind == "visitor" for kind, _ in known)


def survivor(first: AnyCluster, *others: AnyCluster) -> AnyCluster:
    """Who stands for all of them after a merge: `first` (whose message or page it is) if more than a browser is known
    of them; else the oldest of whom more is known; else the oldest.
    """
    named = [one for one in (first, *others) if not is_anonymous(one.cluster)]
    return first if first in named else min(named or (first, *others), key=_age)


def _strongest_first(identities: Sequence[Identity], found: Iterable[Any]) -> list[Any]:
    asked = {(i.kind, i.value, i.trust) for i in identities}
    rows = [row for row in found if (row.kind, row.value, row.trust) in asked]
    return sorted(rows, key=lambda row: (STRENGTH[row.kind], *_age(row), row.value))


def _against(own: Identity, row: Any, side: Known, joined: Sequence[Any]) -> list[str]:
    """Sentences on why the row's cluster is not joined to `side`; none if it is."""
    if any(row.root in one.apart or one.root in row.apart for one in joined):
        return ["A teammate keeps them apart."]
    against = contradictions(side, row.cluster)
    if (row.kind == "visitor" and not is_anonymous(row.cluster)) or _is_known_browser(own, joined):
        against.append("Several people may use one browser.")
    shared = [one.value for one in (own, row) if one.kind == "email" and is_role_address(one.value)]
    if shared and not is_anonymous(side) and not is_anonymous(row.cluster):
        against.append(f"Several people may write from {shared[-1]}.")
    return against


def _is_known_browser(own: Identity, joined: Sequence[Any]) -> bool:
    """The message came in by nothing but a browser on which somebody is known already."""
    return (
        own.kind == "visitor" and bool(joined) and joined[0].kind == "visitor" and not is_anonymous(joined[0].cluster)
    )


def _linkable(
    identities: Sequence[Identity], rows: Sequence[Any], side: Known, is_known_browser: bool
) -> list[Identity]:
    """Those that nobody has. An address may be one more, for people change theirs; an account may not."""
    taken = {(row.kind, row.value) for row in rows}
    chosen: list[Identity] = []
    for one in identities:
        beside = [*side, *((i.kind, i.value) for i in chosen)]
        is_second = one.kind in PERSONAL and bool(contradictions([(one.kind, one.value)], beside))
        is_doubtful = one.kind != "visitor" and is_known_browser
        if (one.kind, one.value) not in taken and not is_second and not is_doubtful:
            chosen.append(one)
    return chosen


def _resolved(
    identities: Sequence[Identity],
    name: str | None,
    rows: Sequence[Any],
    joined: Sequence[Any],
    to_link: list[Identity],
    suggest: list[Suggestion],
) -> Resolved:
    theirs = {(i.kind, i.value) for i in to_link}
    theirs |= {(row.kind, row.value) for row in rows if joined and row.home == joined[0].home}
    email = next((i.value for i in identities if i.kind == "email" and (i.kind, i.value) in theirs), None)
    if not joined:
        id_ = uuid4()
        return Resolved(id_, id_, name, email, is_new=True, to_link=to_link, suggest=suggest)
    home, kept = joined[0], survivor(*joined)
    others = [row for row in joined if row is not kept]
    return Resolved(
        home=home.home,
        root=kept.root,
        name=_first(kept.name, home.home_name, *(row.name for row in others), name),
        email=_first(kept.email, home.home_email, *(row.email for row in others), email),
        is_new=False,
        to_link=to_link,
        learned=bool((name and not home.home_name) or (email and not home.home_email)),
        learned_name=name,
        learned_email=email,
        merge=[Merge(row.root, _shared(kept if row is home else row), kept.home, row.home) for row in others],
        suggest=suggest,
    )


def _shared(row: Any) -> str:
    """What the message's person and the row's have in common."""
    return {
        "email": f"Both use {row.value}.",
        "visitor": "Both used the same browser.",
        "site_user": f"Both are {row.value} on your site.",
        "slack_user": f"Both are {row.value} in Slack.",
    }[row.kind]


def _differ(kind: str, ours: list[str], theirs: list[str]) -> str:
    what, _, team = kind.partition(" ")
    values = f"{', '.join(ours)} and {', '.join(theirs)}"
    return {
        "email": f"They have different mail addresses: {values}.",
        "site_user": f"They have different accounts on your site: {values}.",
        "slack_user": f"They are different people in the Slack workspace {team}: {values}.",
    }[what]


def _by_kind(known: Known) -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = {}
    for kind, value in known:
        if kind == "slack_user":
            team, _, user = value.partition("/")
            kinds.setdefault(f"{kind} {team}", set()).add(user)
        elif kind != "visitor":
            kinds.setdefault(kind, set()).add(value)
    return kinds


def _pairs(known: Known) -> set[tuple[str, str]]:
    return {(kind, value) for kind, value in known}


def _age(one: Cluster) -> tuple[datetime, UUID]:
    return one.created_at, one.root


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value), None)
