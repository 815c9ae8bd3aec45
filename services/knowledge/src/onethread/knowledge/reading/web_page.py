"""HTML: the main content of a page as Markdown, and what the page says about itself."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from markdownify import MarkdownConverter

from onethread.knowledge.reading.encodings import decode
from onethread.knowledge.reading.parts import File, Part, Reading, UnreadableError
from onethread.knowledge.reading.plain_text import take_title, title_of

_NEVER = (
    "script, style, noscript, template, iframe, object, embed, svg, canvas, video, audio, button, input, select,"
    " textarea, dialog, nav, [hidden], [aria-hidden=true], [role=navigation], [role=search], [role=banner],"
    " [role=contentinfo], [role=dialog], [role=alertdialog]"
)
_AROUND = "header, footer, aside, [role=complementary]"
# Parts of a page by the names that its author gave them.
_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:cookies?|consent|breadcrumbs?|side-?bar|toc|table-of-contents|pagination|pager|share|social|related"
    r"|feedback|votes?|helpful|newsletter|skip-?(?:link|to)|edit-(?:this-)?page|header-?link|hash-link|anchor-link"
    r"|advert\w*|promo|popup|modal|comments?|menu|nav(?:bar|igation)?)(?:$|[\s_-])",
    re.IGNORECASE,
)
_MAIN = (
    "[itemprop=articleBody]",
    "main article",
    "article",
    "main",
    "[role=main]",
    ".markdown-body, .article-body, .article__body, .post-content, .entry-content, .theme-doc-markdown",
    "#main-content, #content, .main-content",
)
_PROSE = ("p", "li", "td", "th", "dd", "dt", "pre", "blockquote", "h1", "h2", "h3", "h4")
_SITE_NAME = re.compile(r"\s+[|–—·»:-]\s+[^|–—·»]+$")
# A page with less than this in its marked content has its text elsewhere.
_WORTH_CHARACTERS = 40
_DEPTH = 300


def read_html(file: File) -> Reading:
    """Raises `UnreadableError` when the page has no text of its own, such as one that scripts fill."""
    soup = BeautifulSoup(decode(file.content, file.charset or _declared(file.content)), "lxml")
    _refuse_depth(soup)
    base = _base(soup, file.url)
    about = {
        "links": tuple(dict.fromkeys(_links(soup, base))) if base else (),
        "canonical": _canonical(soup, base) if base else None,
    }
    if _unwanted(soup):
        return Reading(noindex=True, **about)
    title = _title(soup)
    main = _main(soup)
    heading, text = take_title(_markdown(main, base))
    if not text.strip():
        raise UnreadableError("there is no text in it; perhaps scripts fill the page")
    locale = soup.html.get("lang") if soup.html else None
    part = Part(heading or title or title_of(file.name), text, locale=_locale(locale))
    return Reading((part,), **about)


def article_of(fragment: str, title: str) -> Part:
    """Of HTML that a converter wrote: all of it is content."""
    soup = BeautifulSoup(fragment, "lxml")
    for literal in soup.select("span.literal"):  # as docutils writes it
        literal.name = "code"
    heading, text = take_title(_markdown(soup, None))
    return Part(heading or title, text)


class _Converter(MarkdownConverter):
    """A summary is a heading: what it opens is found under it. Terms are bold; images have only their text."""

    def convert_summary(self, _el: Tag, text: str, **_: object) -> str:
        return f"\n\n### {' '.join(text.split())}\n\n"

    def convert_dt(self, _el: Tag, text: str, **_: object) -> str:
        return f"\n\n**{text.strip()}**\n"

    def convert_dd(self, _el: Tag, text: str, **_: object) -> str:
        return f"\n{text.strip()}\n"

    def convert_img(self, el: Tag, _text: str, **_: object) -> str:
        return str(el.get("alt") or "")


def _markdown(content: Tag, base: str | None) -> str:
    for link in content.find_all("a"):
        target = urljoin(base, str(link.get("href", ""))) if base else str(link.get("href", ""))
        if link.get_text(strip=True) and urlsplit(target).scheme in {"http", "https", "mailto", "tel"}:
            link.attrs = {"href": target}
        elif link.get_text(strip=True) in {"", "#", "¶", "§"}:
            link.decompose()
        else:
            link.unwrap()
    try:
        text = _Converter(
            heading_style="ATX",
            bullets="-",
            escape_asterisks=False,
            escape_underscores=False,
            table_infer_header=True,
            code_language_callback=_language,
        ).convert_soup(content)
    except RecursionError:
        raise UnreadableError("its elements are nested too deep") from None
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _refuse_depth(soup: BeautifulSoup) -> None:
    """What follows takes time with the square of the depth."""
    level: list[Tag] = [soup]
    for _ in range(_DEPTH):
        level = [child for element in level for child in element.children if isinstance(child, Tag)]
        if not level:
            return
    raise UnreadableError("its elements are nested too deep")


def _language(pre: Tag) -> str | None:
    code = pre.find("code")
    names = [*(pre.get("class") or []), *((code.get("class") or []) if code else [])]
    return next((name.removeprefix("language-") for name in names if name.startswith("language-")), None)


def _main(soup: BeautifulSoup) -> Tag:
    """What is left of the page without its furniture: the element marked as content, else where most prose is."""
    for element in soup.select(_NEVER):
        element.decompose()
    for selector in _MAIN:
        found = soup.select(selector)
        if len(found) == 1 and len(found[0].get_text(strip=True)) >= _WORTH_CHARACTERS:
            return _clean(found[0])
    body = soup.body or soup
    for element in body.select(_AROUND):
        if not element.find("h1"):
            element.decompose()
    return _densest(_clean(body))


def _clean(main: Tag) -> Tag:
    for element in main.find_all(True):
        if element.decomposed:
            continue
        names = " ".join([*(element.get("class") or []), str(element.get("id") or "")])
        if element.name == "footer" or (_FURNITURE.search(names) and not element.find("h1")):
            element.decompose()
    return main


def _densest(body: Tag) -> Tag:
    """The innermost element that holds nearly all prose which is not links."""
    best = body
    while True:
        whole = _prose(best)
        inner = next((c for c in best.find_all(True, recursive=False) if whole and _prose(c) >= 0.9 * whole), None)
        if inner is None or inner.name in _PROSE:
            return best
        best = inner


def _prose(element: Tag) -> int:
    texts = (e for e in element.find_all(_PROSE) if not e.find(_PROSE))
    return sum(len(e.get_text(strip=True)) - sum(len(a.get_text(strip=True)) for a in e.find_all("a")) for e in texts)


def _title(soup: BeautifulSoup) -> str | None:
    headings = soup.find_all("h1")
    if len(headings) == 1 and (text := headings[0].get_text(" ", strip=True)):
        return text
    if soup.title and (text := soup.title.get_text(" ", strip=True)):
        return _SITE_NAME.sub("", text)
    return None


def _declared(content: bytes) -> str | None:
    match = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", content[:2048], re.IGNORECASE)
    return match[1].decode("ascii") if match else None


def _locale(lang: object) -> str | None:
    match = re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", str(lang or ""))
    return match[0] if match else None


def _base(soup: BeautifulSoup, url: str | None) -> str | None:
    base = soup.find("base", href=True)
    return urljoin(url, str(base["href"])) if base and url else url


def _links(soup: BeautifulSoup, base: str) -> Iterator[str]:
    for link in soup.find_all("a", href=True):
        if "nofollow" not in (link.get("rel") or []):
            try:
                yield urljoin(base, str(link["href"]).strip())
            except ValueError:  # such as an address in broken brackets
                continue


def _canonical(soup: BeautifulSoup, base: str) -> str | None:
    for link in soup.find_all("link", href=True):
        if "canonical" in (link.get("rel") or []):
            try:
                return urljoin(base, str(link["href"]).strip())
            except ValueError:
                return None
    return None


def _unwanted(soup: BeautifulSoup) -> bool:
    asks = [
        str(m.get("content", "")).lower() for m in soup.find_all("meta") if str(m.get("name", "")).lower() == "robots"
    ]
    return any("noindex" in ask or ask.strip() == "none" for ask in asks)
