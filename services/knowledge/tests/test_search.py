import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge.articles import Article
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import open_library

SHIPPING = Article("shipping", "How long shipping takes", "Parcels arrive after three days.", "https://x.example/s")
RETURNS = Article("returns", "Return policy", "Send it back within 30 days.")
LIMITS = Article("limits", "Refund limits for staff", "Staff may refund 50 euros.", audience="internal")


def vectors(library):
    """The index of the model that the workspaces have."""
    return library.vectors.of(library.models.first)


def test_the_best_passage_comes_with_its_source(put, ask):
    put(SHIPPING, RETURNS)
    found = ask("when does my parcel come")
    first = found.passages[0]
    assert (first.document_id, first.url, first.version) == ("shipping", "https://x.example/s", 1)
    assert first.text == "Parcels arrive after three days."
    assert first.score > found.passages[1].score
    assert 0 < found.confidence < 1


def test_at_most_k_passages_and_one_of_each_article(put, ask):
    long = replace(SHIPPING, text="\n".join(f"## Part {n}\n\nParcels take {n} days." for n in range(30)))
    put(long, RETURNS, LIMITS)
    assert [p.document_id for p in ask("parcels", k=5).passages] == ["shipping", "returns"]
    assert len(ask("parcels", k=1).passages) == 1


def test_an_unknown_workspace_finds_nothing(put, ask, library):
    put(SHIPPING)
    assert ask("parcel", workspace="nobody") == ask("parcel", workspace="else")
    assert ask("parcel", workspace="nobody").confidence == 0
    assert vectors(library).ids("acme", "public")


def test_an_exact_identifier_is_found_by_its_word(put, ask):
    others = [Article(f"e{n}", f"Error E{n}", f"Code E{n} means that part {n} is worn.") for n in range(4100, 4160)]
    put(*others)
    assert ask("E4117").passages[0].document_id == "e4117"


def test_internal_articles_are_found_by_staff_alone(put, ask):
    put(SHIPPING, LIMITS)
    assert "limits" not in {p.document_id for p in ask("refund limits for staff").passages}
    assert ask("refund limits for staff", audience="internal").passages[0].document_id == "limits"


def test_a_change_and_a_removal_are_live_in_the_next_search(put, ask, library):
    put(SHIPPING)
    put(replace(SHIPPING, text="Parcels arrive after nine days."))
    (passage,) = ask("parcel").passages
    assert (passage.text, passage.version) == ("Parcels arrive after nine days.", 2)
    library.store.remove("acme", "shipping")
    assert ask("parcel").passages == []
    Ingestor(library).work()
    assert vectors(library).ids("acme", "public") == set()
    assert library.store.litter() == []


def test_unchanged_articles_are_not_embedded_again(put, library, monkeypatch):
    put(SHIPPING)
    before = vectors(library).ids("acme", "public")
    put(SHIPPING)
    assert vectors(library).ids("acme", "public") == before


def test_a_restart_keeps_everything(tmp_path):
    asked = KnowledgeSearch(workspace="acme", query="when does my parcel come")
    with open_library(tmp_path) as library:
        library.store.accept("acme", [SHIPPING, RETURNS])
        Ingestor(library).work()
        before = library.searcher.search(asked)
    with open_library(tmp_path) as library:
        assert library.searcher.search(asked) == before


def test_what_was_accepted_before_a_crash_is_indexed_after_it(tmp_path):
    with open_library(tmp_path) as library:
        library.store.accept("acme", [SHIPPING])
        library.store.switch(library.store.pending(1))  # died between the switch and the report
    with open_library(tmp_path) as library:
        Ingestor(library).work()
        assert library.store.status("acme").pending == 0


def test_the_index_is_rebuilt_from_the_documents(put, ask, library):
    put(SHIPPING, LIMITS)
    before = ask("parcel", audience="internal")
    vectors(library).drop("acme")
    Ingestor(library).reconcile("acme")
    assert ask("parcel", audience="internal") == before


def test_stray_vectors_are_swept_and_never_shown(put, ask, library, embedder):
    put(SHIPPING)
    vectors(library).upsert("acme", "public", [999], embedder.embed(["parcel"]), [None])
    assert [p.document_id for p in ask("parcel").passages] == ["shipping"]
    Ingestor(library).reconcile("acme")
    assert 999 not in vectors(library).ids("acme", "public")


def test_an_article_that_cannot_be_cut_does_not_stop_the_others(put, ask, library, monkeypatch):
    from onethread.knowledge import ingest

    whole = ingest.chunk

    def chunk(title, text):
        if title == RETURNS.title:
            raise ValueError(text)
        return whole(title, text)

    monkeypatch.setattr(ingest, "chunk", chunk)
    put(RETURNS, SHIPPING)
    status = library.store.status("acme")
    assert (status.documents, status.failed, status.pending) == (2, 1, 0)
    assert [p.document_id for p in ask("parcel").passages] == ["shipping"]


ARTICLES = st.lists(
    st.tuples(st.sampled_from(["acme", "other"]), st.sampled_from("abcdef"), st.sampled_from(["public", "internal"])),
    min_size=1,
    max_size=12,
)


@given(ARTICLES, st.lists(st.tuples(st.sampled_from(["acme", "other"]), st.sampled_from("abcdef")), max_size=3))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_search_crosses_a_workspace_or_an_audience(library, ask, written, removed):
    run = uuid.uuid4().hex[:8]
    truth: dict[tuple[str, str], str] = {}
    for workspace, name, audience in written:
        article = Article(name, f"Canary of {workspace}", f"secret {workspace} {audience} {name}", audience=audience)
        library.store.accept(f"{workspace}-{run}", [article])
        truth[workspace, name] = audience
    Ingestor(library).work()
    for workspace, name in removed:
        library.store.remove(f"{workspace}-{run}", name)
        truth.pop((workspace, name), None)
    for workspace in ("acme", "other"):
        for audience, visible in (("public", {"public"}), ("internal", {"public", "internal"})):
            found = ask("secret canary", workspace=f"{workspace}-{run}", audience=audience, k=50)
            expected = {name for (w, name), of in truth.items() if w == workspace and of in visible}
            assert {p.document_id for p in found.passages} == expected
            assert all(f"secret {workspace} " in p.text for p in found.passages)


def test_a_language_filters_inside_the_search_and_one_that_no_article_names_filters_nothing(put, library):
    german = [Article(f"de{n}", f"Lieferung {n}", "Pakete kommen nach drei Tagen.", locale="de-AT") for n in range(60)]
    put(*german, replace(SHIPPING, locale="en"), replace(RETURNS, locale=None))

    def found(locale):
        query = KnowledgeSearch(workspace="acme", query="Pakete kommen nach drei Tagen", k=50, locale=locale)
        return {p.locale for p in library.searcher.search(query).passages}

    assert found("en") == {"en", None}
    assert found("de") <= {"de-AT", None}
    assert "de-AT" in found("fr")


def test_articles_that_name_no_language_are_told_apart_by_how_they_read(put, library):
    german = "Wir schicken Ihr Paket, sobald es bei uns fertig ist, und es kommt nach drei Tagen bei Ihnen an."
    put(replace(SHIPPING, text="We send your parcel as soon as it is ready, and it is with you in three days."))
    put(Article("versand", "Versand", german), Article("pp-1", "PP-1", "2 kg"))
    query = KnowledgeSearch(workspace="acme", query="Wann kommt mein Paket?", locale="de")
    found = library.searcher.search(query)
    assert {p.document_id for p in found.passages} == {"versand", "pp-1"}
    assert found.left_out == ["en"]
    assert library.searcher.search(query.model_copy(update={"locale": None})).left_out == []


def test_a_passage_that_has_the_word_that_decides_comes_before_one_that_is_like_it(put, ask):
    ways = ["a bank transfer", "a debit card", "a cheque", "a cash voucher", "a mobile wallet"]
    put(*(Article(way, "Adding money", f"You can add money to your account with {way}.") for way in ways))
    for way in ways:
        assert ask(f"can I put money in with {way}?").passages[0].document_id == way


def test_what_is_removed_leaves_no_word_pieces_behind(put, library):
    put(SHIPPING, RETURNS)
    assert len(library.pieces.ids()) == 2
    library.store.remove("acme", "shipping")
    Ingestor(library).work()
    assert library.pieces.ids() == vectors(library).ids("acme", "public")


def test_passages_without_word_pieces_get_them_at_the_next_start(put, ask, library):
    put(SHIPPING, RETURNS)
    before = ask("when does my parcel come")
    library.pieces.delete(library.pieces.ids())
    assert ask("when does my parcel come").passages[0].document_id == "shipping"
    Ingestor(library).reconcile("acme")
    assert library.pieces.ids() == vectors(library).ids("acme", "public")
    assert abs(ask("when does my parcel come").confidence - before.confidence) < 0.02


def test_a_collection_that_is_too_large_for_memory_is_searched_by_chroma_with_the_same_filters(
    put, ask, library, monkeypatch
):
    from onethread.knowledge import index

    put(replace(SHIPPING, locale="en"), replace(RETURNS, locale="de"), LIMITS)
    exactly = [ask(query) for query in ("parcel", "refund limits for staff")]
    in_german = KnowledgeSearch(workspace="acme", query="parcel", locale="de")
    filtered = library.searcher.search(in_german)
    monkeypatch.setattr(index, "EXACT_PASSAGES", 0)
    vectors(library)._matrices.clear()
    for before, query in zip(exactly, ("parcel", "refund limits for staff"), strict=True):
        assert [p.document_id for p in ask(query).passages] == [p.document_id for p in before.passages]
    assert [p.document_id for p in library.searcher.search(in_german).passages] == ["returns"]
    assert [p.document_id for p in filtered.passages] == ["returns"]


def test_an_article_is_found_by_the_words_that_customers_use_for_it_and_answers_with_its_own(put, ask, library):
    money = Article("money", "Adding money", "Transfer it from your bank. It arrives the next day.")
    others = [Article(f"o{n}", f"Cards {n}", f"Card number {n} has a limit.") for n in range(30)]
    put(money, *others)
    without = ask("how do I top up my balance").confidence
    put(replace(money, wordings=("How do I top up my balance?", "Can I charge my account?")))
    first = ask("how do I top up my balance").passages[0]
    assert (first.document_id, first.text) == ("money", "Transfer it from your bank. It arrives the next day.")
    assert ask("how do I top up my balance").confidence > without + 0.2
    put(money)
    assert ask("how do I top up my balance").confidence == pytest.approx(without, abs=0.02)
