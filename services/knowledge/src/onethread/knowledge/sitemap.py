"""Sitemaps: the pages that a site says it has."""

import zlib
from dataclasses import dataclass
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

SITEMAP_BYTES = 50 * 1024**2


class NotASitemapError(ValueError):
    """It is not a sitemap, or one that is too large."""


@dataclass(frozen=True)
class Sitemap:
    """Addresses of pages, and of further sitemaps when it is an index."""

    pages: tuple[str, ...]
    further: tuple[str, ...]


def parse(content: bytes, url: str) -> Sitemap:
    """Also one that is packed by gzip. Raises `NotASitemapError`."""
    try:
        root = fromstring(_unpacked(content))
    except (ParseError, DefusedXmlException, ValueError, zlib.error) as error:
        raise NotASitemapError from error
    kind = _name(root)
    if kind not in {"urlset", "sitemapindex"}:
        raise NotASitemapError
    addresses = tuple(urljoin(url, text) for entry in root for text in _locations(entry))
    return Sitemap(addresses, ()) if kind == "urlset" else Sitemap((), addresses)


def _locations(entry: Element) -> list[str]:
    return [child.text.strip() for child in entry if _name(child) == "loc" and child.text]


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    plain = unpack.decompress(content, SITEMAP_BYTES)
    if unpack.unconsumed_tail:
        raise NotASitemapError
    return plain
