"""Each format by what its articles look like afterwards, and by what hostile files do not get."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from onethread.knowledge.reading import File, UnreadableError, read
from onethread.knowledge.reading.isolation import InterruptedReadingError, Reader

FILES = Path(__file__).with_name("files")

PAGE = """<!doctype html><html lang="de-AT"><head><title>Returning | Shop</title>
<link rel="canonical" href="/returns"><meta charset="utf-8"><script>var menu = "spend"</script></head><body>
<div class="cookie-banner">We use cookies</div><header><nav><a href="/">Home</a></nav></header>
<aside><h3>Popular</h3><ul><li>Lost card</li></ul></aside>
{open}<h1>Returning <a class="headerlink" href="#x">¶</a></h1><p>Send it <b>back</b> within 30 days, see
<a href="fees?x=1">fees</a> or <a href="javascript:alert(1)">this</a>.</p>
<h2>Steps</h2><ol><li>Pack</li><li>Post</li></ol>
<table><tr><td>Zone</td><td>Price</td></tr><tr><td>EU</td><td>5</td></tr></table>
<pre><code class="language-sh">send \\
  --back</code></pre><details><summary>How long?</summary><p>Three days.</p></details>
<p class="vote">Was this helpful? <button>Yes</button></p>{close}
<footer>Contact us. Careers.</footer></body></html>"""

MARKDOWN = """Send it **back** within 30 days, see
[fees](https://x.example/fees?x=1) or this.

## Steps

1. Pack
2. Post

| Zone | Price |
| --- | --- |
| EU | 5 |

```sh
send \\
  --back
```

### How long?

Three days."""


def parts(name, content, **kwargs):
    content = content.encode() if isinstance(content, str) else content
    return read(File(name, content, **kwargs)).parts


def reason(name, content, **kwargs):
    with pytest.raises(UnreadableError) as error:
        parts(name, content, **kwargs)
    return str(error.value)


class TestWebPages:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("<main><article>", "</article></main>"),
            ("<article>", "</article>"),
            ('<div role="main">', "</div>"),
            ('<div id="content">', "</div>"),
            ("<div><div class='x'>", "</div></div>"),
        ],
    )
    def test_only_the_main_content_is_read_and_keeps_its_form(self, before, after):
        page = PAGE.format(open=before, close=after)
        (part,) = parts("page", page, media_type="text/html", url="https://x.example/returns")
        assert (part.title, part.locale) == ("Returning", "de-AT")
        assert part.text == MARKDOWN

    def test_a_page_tells_where_it_leads_and_what_its_own_address_is(self):
        page = PAGE.format(open="<main>", close="</main>")
        reading = read(File("page", page.encode(), "text/html", url="https://x.example/a/b"))
        assert reading.canonical == "https://x.example/returns"
        assert {"https://x.example/", "https://x.example/a/fees?x=1"} <= {*reading.links}

    def test_a_page_that_scripts_fill_says_so(self):
        assert "scripts" in reason("a.html", "<html><body><div id=root></div><script>go()</script></body></html>")

    def test_noindex_is_heard(self):
        assert read(File("a.html", b"<meta name=ROBOTS content='NoIndex, follow'><p>Text")).noindex

    def test_the_encoding_is_what_the_page_or_its_server_says(self):
        page = "<html><head><meta charset='windows-1252'></head><main><h1>Größe</h1><p>Für alle, die es so wollen.</p>"
        assert parts("a.html", page.encode("cp1252"))[0].title == "Größe"
        bare = page.replace("<meta charset='windows-1252'>", "")
        assert parts("a.html", bare.encode("cp1252"), charset="cp1252")[0].title == "Größe"
        assert parts("a.html", bare.encode("utf-16"))[0].title == "Größe"

    def test_an_image_is_what_it_shows(self):
        (part,) = parts(
            "a.html", "<main><h1>T</h1><p>Look: <img src='x.png' alt='a red box'> and so on and so forth.</p>"
        )
        assert part.text == "Look: a red box and so on and so forth."


class TestMarkdown:
    def test_front_matter_says_what_the_article_is(self):
        source = "---\ntitle: Times\nid: t\nurl: https://x.example/t\naudience: internal\nlocale: en\n---\n\nText.\n"
        (part,) = parts("file.md", source)
        assert (part.title, part.text, part.id, part.about_url) == ("Times", "Text.", "t", "https://x.example/t")
        assert (part.audience, part.locale) == ("internal", "en")

    @pytest.mark.parametrize(
        ("source", "title", "text"),
        [
            ("# Times\n\nText.", "Times", "Text."),
            ("Times\n=====\n\nText.", "Times", "Text."),
            ("Only text.", "Opening hours", "Only text."),
            ("---\ntitle: Times\n---\n# Times\n\nText.", "Times", "Text."),
            ("\ufeff---\r\ntitle: Times\r\n---\r\nText.\r\n", "Times", "Text."),
            ("<!-- draft -->\n# Times\n\nText.", "Times", "Text."),
            ("---\n\nA rule above.\n\n---\n\nAnd below.", "Opening hours", "---\n\nA rule above.\n\n---\n\nAnd below."),
        ],
    )
    def test_the_title_is_the_first_heading_else_the_name(self, source, title, text):
        assert [(p.title, p.text) for p in parts("opening-hours.md", source)] == [(title, text)]

    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("---\ntitle: [\n---\ntext", "front matter is not YAML"),
            ("---\ntitle: x\naudience: pubic\n---\ntext", "neither public nor internal"),
            ("---\ntitle: x\nurl: javascript:alert(1)\n---\ntext", "not an http address"),
            ("---\ntitle: x\n---\n  \n", "no text"),
            ("  \n", "empty"),
            (b"\x00\x01\x02" * 50, "binary"),
        ],
    )
    def test_a_file_that_is_no_article_says_why(self, source, why):
        assert why in reason("a.md", source)


class TestTables:
    @pytest.mark.parametrize(
        "table",
        [
            "question,answer,url\nHow?,So.,https://x.example/how\n",
            "Frage;Antwort;Link\nHow?;So.;https://x.example/how\n",
            "\ufeffQ\tResponse\tURL\nHow?\tSo.\thttps://x.example/how\n",
        ],
    )
    def test_each_row_is_an_article_however_columns_are_called_and_parted(self, table):
        (part,) = parts("faq.csv", table)
        assert (part.title, part.text, part.about_url) == ("How?", "So.", "https://x.example/how")

    def test_cells_may_hold_lines_and_rows_may_be_blank(self):
        table = 'question,answer,audience,locale,wordings\nA?,"one\n\ntwo",internal,en,B?|C?\n,,,,\nD?,E.,,,\n'
        first, second = parts("faq.csv", table)
        assert (first.text, first.audience, first.locale, first.wordings) == (
            "one\n\ntwo",
            "internal",
            "en",
            ("B?", "C?"),
        )
        assert (second.title, second.audience) == ("D?", None)

    @pytest.mark.parametrize(
        ("table", "why"),
        [
            ("name,age\nAna,3\n", "no column question and no column answer"),
            ("question,answer\nA?,\n", "row 2 lacks"),
            ("question,answer,audience\nA?,B,staff\n", "audience in row 2"),
            ("question,answer,url\nA?,B,file:///etc/passwd\n", "url in row 2"),
            ("question,answer\n", "no text"),
        ],
    )
    def test_a_table_that_is_wrong_names_the_place(self, table, why):
        assert why in reason("faq.csv", table)


def of_file(name):
    return parts(name, (FILES / name).read_bytes())


class TestPdf:
    def test_large_headings_part_it_into_articles_with_their_pages(self):
        first, second = of_file("headings.pdf")
        assert (first.title, first.fragment) == ("Opening hours", "page=1")
        assert first.text == "We are open from nine to five on working days."
        assert (second.title, second.fragment) == ("Returns", "page=2")
        assert second.text == "Send it back within 30 days.\n\n## Costs\n\nIt costs nothing at all."

    def test_its_outline_parts_it_where_headings_are_no_larger(self):
        assert [(p.title, p.text, p.fragment) for p in of_file("outline.pdf")] == [
            ("Adding money", "Add money with a card.", "page=1"),
            ("Sending money", "Send money to a friend.", "page=1"),
        ]

    def test_without_headings_each_page_is_an_article(self):
        assert [(p.title, p.fragment) for p in of_file("house-rules.pdf")] == [
            ("House rules, page 1", "page=1"),
            ("House rules, page 2", "page=2"),
        ]

    def test_a_footer_that_stands_on_every_page_is_left_out(self):
        assert [(p.title, p.text) for p in of_file("footer.pdf")] == [
            ("Part 1", "Cash is paid out by most machines."),
            ("Part 2", "Cards come within a week."),
            ("Part 3", "Limits are set in the app."),
            ("Part 4", "Fees are shown before you pay."),
            ("Part 5", "Close the account in Settings."),
        ]

    @pytest.mark.parametrize(("name", "why"), [("scan.pdf", "scan"), ("password.pdf", "password")])
    def test_one_that_cannot_be_read_says_why(self, name, why):
        assert why in reason(name, (FILES / name).read_bytes())

    def test_what_is_not_a_pdf_is_damaged(self):
        assert "damaged" in reason("m.pdf", b"%PDF-1.4 rubbish")


class TestWord:
    def test_headings_lists_and_tables_are_kept(self):
        (part,) = of_file("fees.docx")
        assert part.title == "Handling fees"
        assert part.text.startswith(
            "A fee is charged.\n\n## Abroad\n\n1. Pay\n2. Wait\n\n| Zone | Price |\n| --- | --- |"
        )

    def test_a_zip_bomb_is_not_unpacked(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/document.xml", b"\0" * (101 * 1024**2))
        assert "more than 100 MB" in reason("a.docx", packed.getvalue())

    @pytest.mark.parametrize(
        ("content", "why"),
        [(b"PK\3\4 no", "damaged"), (b"\xd0\xcf\x11\xe0" + b"x" * 99, "password"), (b"hello", "damaged")],
    )
    def test_one_that_cannot_be_read_says_why(self, content, why):
        assert why in reason("a.docx", content)


class TestOtherText:
    def test_restructured_text_of_sphinx_keeps_its_words(self):
        source = (
            "Syncing\n=======\n\nSee :ref:`that <x>` and ``code``.\n\n.. note::\n\n   Mind this.\n\n"
            "Sub\n---\n\n* a\n* b\n\n.. code-block:: sh\n\n   ls -l\n"
        )
        (part,) = parts("a.rst", source)
        assert part.title == "Syncing"
        for kept in ("See that and `code`", "Mind this.", "## Sub", "- a", "```\nls -l\n```"):
            assert kept in part.text

    def test_restructured_text_may_not_read_files_of_this_machine(self, tmp_path):
        (tmp_path / "secret").write_text("canary")
        source = (
            f"Title\n=====\n\nText.\n\n.. include:: {tmp_path}/secret\n\n.. raw:: html\n   :file: {tmp_path}/secret\n"
        )
        assert "canary" not in parts("a.rst", source)[0].text

    def test_a_short_first_line_is_the_title_of_plain_text(self):
        assert [(p.title, p.text) for p in parts("a.txt", "Hours\n\nNine to five.\n")] == [("Hours", "Nine to five.")]
        assert parts("opening_hours.txt", "Nine to five.")[0].title == "Opening hours"

    def test_what_no_reader_takes_is_named(self):
        assert "cannot be read" in reason("a.exe", b"MZ")


class TestIsolation:
    @pytest.fixture(scope="class")
    def reader(self):
        with Reader() as reader:
            yield reader

    def test_what_was_read_comes_back_whole(self, reader):
        file = File("faq.csv", 'question,answer\n"ü \u2028?",So.\n'.encode())
        assert reader.read(file) == read(file)

    def test_a_reason_comes_back_as_one(self, reader):
        with pytest.raises(UnreadableError, match="empty"):
            reader.read(File("a.md", b" "))

    def test_elements_nested_without_end_are_no_matter(self, reader):
        page = b"<main>" + b"<div>" * 100_000 + b"deep text that is long enough to be read as a page</main>"
        with pytest.raises(UnreadableError, match="nested too deep"):
            reader.read(File("a.html", page))
        assert reader.read(File("a.md", b"# T\n\nText.")).parts[0].title == "T"

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        content=some.binary(max_size=400),
        name=some.sampled_from(["a.md", "a.html", "a.pdf", "a.docx", "a.csv", "a.rst"]),
    )
    def test_any_bytes_are_read_or_refused_with_a_reason(self, reader, content, name):
        try:
            outcome = reader.read(File(name, content)).parts
        except UnreadableError as refused:
            outcome = str(refused).replace("its reader broke down on it", "")
        assert outcome

    def test_one_that_takes_too_long_is_given_up_and_the_next_is_read(self):
        with Reader(seconds=0.0) as reader:
            with pytest.raises(UnreadableError, match="longer than"):
                reader.read(File("a.md", b"# T\n\nText."))
            reader._seconds = 60.0
            assert reader.read(File("a.md", b"# T\n\nText.")).parts[0].title == "T"

    def test_a_stop_ends_what_is_read(self):
        with Reader() as reader:
            reader.read(File("a.md", b"# T\n\nText."))
            reader.interrupt()
            with pytest.raises(InterruptedReadingError):
                reader.read(File("a.md", b"# T\n\nText."))

    @pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system does not tell")
    def test_the_reader_knows_none_of_our_secrets(self, monkeypatch):
        from onethread.knowledge.reading import isolation

        monkeypatch.setenv("ONETHREAD_API_KEY", "secret")
        process = isolation._start()
        assert "ONETHREAD_API_KEY" not in Path(f"/proc/{process.pid}/environ").read_text()
        process.kill()
        process.communicate()
