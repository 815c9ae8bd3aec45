"""A trial finds what would be found after publishing, and nobody else's search ever meets it."""

import uuid
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch, KnowledgeTrial
from onethread.knowledge.articles import Article
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import Library
from onethread.knowledge.trial import Trials
from onethread.knowledge.written import ArticleStore, Content, NoSuchArticleError

SHIPPING = Article("shipping", "How long shipping takes", "Parcels arrive after three days.", "https://x.example/s")
RETURNS = Article("returns", "Return policy", "Send it back within 30 days.", locale="en")
QUERY = "when does my parcel come"


@pytest.fixture
def written(library: Library) -> ArticleStore:
    return ArticleStore(library.store)


@pytest.fixture
def trials(library: Library, written: ArticleStore) -> Trials:
    return Trials(library, library.searcher, written)


@pytest.fixture
def as_if(trials: Trials) -> Callable[..., KnowledgeFound]:
    def search(query=QUERY, *articles, without=(), audience="public", workspace="acme", locale=None):
        trial = KnowledgeTrial(articles=list(articles), without=list(without))
        asked = KnowledgeSearch(workspace=workspace, query=query, k=50, audience=audience, locale=locale, trial=trial)
        return trials.search(asked)

    return search


def names(found: KnowledgeFound) -> list[str]:
    return [passage.document_id for passage in found.passages]


def said(found: KnowledgeFound) -> list[tuple]:
    """All but the number of the version, which counts saves in one place and publications in the other."""
    return [(p.document_id, p.title, p.heading_path, p.text, p.url, p.locale) for p in found.passages]


def test_a_draft_is_found_in_its_trial_and_nowhere_else(put, ask, as_if, written):
    put(SHIPPING, RETURNS)
    draft = written.create("acme", Content("Parcel lockers", "Your parcel comes to a locker near you."), "Mara")
    before = ask(QUERY, k=50)
    assert names(as_if(QUERY, draft.id))[:2] in (["shipping", draft.id], [draft.id, "shipping"])
    assert ask(QUERY, k=50) == before
    assert draft.id not in names(as_if(QUERY, without=["returns"]))


def test_the_draft_of_a_published_article_hides_what_is_live(ask, as_if, written, library):
    one = written.create("acme", Content("Shipping", "Parcels arrive after three days."), "Mara", state="published")
    Ingestor(library).work()
    written.change("acme", one.id, "Mara", changes={"text": "Parcels arrive after nine days."})
    assert [p.text for p in as_if(QUERY, one.id).passages] == ["Parcels arrive after nine days."]
    assert [p.text for p in ask(QUERY).passages] == ["Parcels arrive after three days."]


def test_what_counts_as_gone_is_not_found(put, ask, as_if):
    put(SHIPPING, RETURNS)
    assert names(as_if(QUERY, without=["shipping"])) == ["returns"]
    assert as_if(QUERY, without=["shipping", "returns"]).passages == []
    assert names(ask(QUERY)) == ["shipping", "returns"]


def test_the_next_save_of_a_draft_is_seen_and_what_is_published_meanwhile_too(put, as_if, written):
    draft = written.create("acme", Content("Lockers", "Your parcel comes to a locker."), "Mara")
    assert [p.text for p in as_if(QUERY, draft.id).passages] == ["Your parcel comes to a locker."]
    written.change("acme", draft.id, "Mara", changes={"text": "Your parcel comes to a box."})
    assert [p.text for p in as_if(QUERY, draft.id).passages] == ["Your parcel comes to a box."]
    put(SHIPPING)
    assert {*names(as_if(QUERY, draft.id))} == {draft.id, "shipping"}


def test_an_internal_draft_is_for_staff_alone_and_a_language_filters_it(put, as_if, written):
    put(RETURNS)
    secret = written.create("acme", Content("Staff parcels", "Parcels of staff are free.", "internal"), "Mara")
    german = written.create("acme", Content("Pakete", "Das Paket kommt bald.", locale="de"), "Mara")
    assert secret.id not in names(as_if("parcels of staff", secret.id))
    assert names(as_if("parcels of staff", secret.id, audience="internal"))[0] == secret.id
    assert german.id not in names(as_if("Paket", german.id, locale="en"))
    assert names(as_if("Paket", german.id, locale="de")) == [german.id]


def test_a_draft_of_another_workspace_is_no_draft(as_if, written):
    draft = written.create("other", Content("Lockers", "Your parcel comes to a locker."), "Mara")
    with pytest.raises(NoSuchArticleError):
        as_if(QUERY, draft.id)


TEXTS = (
    "Parcels arrive after three days, in winter and on islands after five or six of them.",
    "Send it back within 30 days.",
    "## Fees\n\nA parcel costs 5 euros.\n\n## Free\n\nFrom 50 euros.",
    "We print invoices on request and mail them.",
    "A parcel that comes late is paid back in full.",
    "Ink dries within a minute on our paper.",
)
"""No two of them tie, in meaning or in words, for then the order would be by id."""
ARTICLES = st.lists(
    st.tuples(st.sampled_from(TEXTS), st.sampled_from(["public", "internal"]), st.sampled_from([None, "en", "de"])),
    min_size=2,
    max_size=6,
    unique_by=lambda one: one[0],
)


@given(ARTICLES, st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_trial_finds_what_is_found_once_it_is_published_and_the_live_search_stays_as_it_was(
    library, ask, as_if, written, articles, data
):
    split = data.draw(st.integers(1, len(articles) - 1))
    live, drafts = articles[:split], articles[split:]
    workspace = f"acme-{uuid.uuid4().hex[:8]}"

    def write(number, one, state):
        text, audience, locale = one
        return written.create(workspace, Content(f"Article {number}", text, audience, locale), "Mara", state=state).id

    there = [write(n, one, "published") for n, one in enumerate(live)]
    Ingestor(library).work()
    new = [write(100 + n, one, "draft") for n, one in enumerate(drafts)]
    gone = data.draw(st.lists(st.sampled_from(there), unique=True, max_size=len(there)))
    before = {of: ask(QUERY, workspace, of, 50) for of in ("public", "internal")}
    trial = {of: as_if(QUERY, *new, without=gone, workspace=workspace, audience=of) for of in ("public", "internal")}
    assert {of: ask(QUERY, workspace, of, 50) for of in ("public", "internal")} == before
    for name in new:
        written.change(workspace, name, "Mara", changes={}, state="published")
    for name in gone:
        written.change(workspace, name, "Mara", changes={}, state="draft")
    Ingestor(library).work()
    for of, found in trial.items():
        after = ask(QUERY, workspace, of, 50)
        assert sorted(map(str, said(found))) == sorted(map(str, said(after)))
        assert found.confidence == pytest.approx(after.confidence, abs=0.03)
