"""Takes out of a mail's HTML what nobody would see of it: pure, in linear time.

Words in white on white, of size nought or moved off the page are not for people: they instruct a machine that reads the
mail, or get it past a filter. Neither the agent nor a teammate is to take them for what its sender said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from colorsys import hls_to_rgb
from dataclasses import dataclass, replace
from itertools import islice

from lxml.etree import LxmlError
from lxml.html import HtmlElement

from onethread.gateway_email.showing.markup import of_tree
from onethread.gateway_email.showing.markup import tree as as_tree

Colour = tuple[float, float, float]
LIKE = 24.0
"""Colours that differ by no more than this, of 255, in each of red, green and blue are one to the eye."""
OPAQUE = 0.05
TINY = 2.0
"""Pixels. Nobody reads letters of this size."""
FAR = -400.0
"""Pixels. What is moved as far to the left or up stands outside the page."""
SHEETS = 200_000
RULES = 2_000
ANYWHERE = "*"
"""A rule that can't be told from here may colour the ground of any element."""
_HINTS = (
    "display", "visibility", "opacity", "color", "hidden", "overflow", "indent", "position", "clip", "mso-hide",
    "margin",
)  # fmt: skip
_SIZE = re.compile(r"font-size|font\s*:|\bsize\s*=")
_SHEET = re.compile(r"<style\b[^>]{0,300}>([^<]{0,200000})", re.IGNORECASE)
_BRACES = re.compile(r"([{}])")
_NAME = re.compile(r"[a-z][a-z0-9]{0,10}|(?:[a-z][a-z0-9]{0,10})?[.#][\w-]{1,80}")
_LENGTH = re.compile(r"(-?\d{0,6}(?:\.\d{1,4})?)(px|pt|em|rem|%|)", re.IGNORECASE)
_NUMBERS = re.compile(r"[\d.]{1,8}%?")
_PIXELS = {"px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "%": 0.16, "": 1.0}
_NAMED: dict[str, Colour] = {
    "white": (255, 255, 255), "snow": (255, 250, 250), "ivory": (255, 255, 240), "whitesmoke": (245, 245, 245),
    "ghostwhite": (248, 248, 255), "floralwhite": (255, 250, 240), "mintcream": (245, 255, 250),
    "azure": (240, 255, 255), "aliceblue": (240, 248, 255), "seashell": (255, 245, 238), "black": (0, 0, 0),
    "red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 128, 0), "gray": (128, 128, 128), "grey": (128, 128, 128),
    "yellow": (255, 255, 0),
    "silver": (192, 192, 192), "navy": (0, 0, 128), "lightgray": (211, 211, 211), "lightgrey": (211, 211, 211),
}  # fmt: skip
_WHITE: Colour = (255, 255, 255)
_CLEAR: Colour = (-1, -1, -1)
_AS_AROUND = {"inherit", "initial", "unset", "currentcolor", "none", ""}


@dataclass(frozen=True, slots=True)
class _Look:
    """What an element hands down to those in it. None: it can't be told, as with a picture or an unknown name."""

    ink: Colour | None = (0, 0, 0)
    ground: Colour | None = _WHITE
    size: float = 16.0

    @property
    def is_unseen(self) -> bool:
        if self.size <= TINY or self.ink == _CLEAR:
            return True
        return self.ink is not None and self.ground is not None and _alike(self.ink, self.ground)


def visible(markup: str) -> str:
    """The HTML without what is out of sight; as it is where all of it is seen, or nothing. `markup` is tractable."""
    said = markup.lower()
    if not (any(hint in said for hint in _HINTS) or _SIZE.search(said)):
        return markup
    try:
        tree = as_tree(markup)
        is_less = _take_out(tree, _sheet(markup)) > 0 and (
            tree.text_content().strip() or tree.find(".//img") is not None
        )
        return of_tree(tree) if is_less else markup
    except (LxmlError, ValueError, AssertionError, RecursionError):
        return markup


def _take_out(tree: HtmlElement, sheet: dict[str, dict[str, str]]) -> int:
    """How much was taken out. Words go, what stands around them stays."""
    count = 0
    waiting = [(tree, _Look(ground=None) if ANYWHERE in sheet else _Look())]
    while waiting:
        element, around = waiting.pop()
        if not isinstance(element.tag, str):
            continue
        style = _style(element, sheet)
        if _is_gone(element, style) and element.getparent() is not None:
            element.drop_tree()
            count += 1
            continue
        look = _look(style, around)
        if look.is_unseen:
            count += _silence(element)
        waiting += [(child, look) for child in element]
    return count


def _silence(element: HtmlElement) -> int:
    """Takes the words out that stand directly in it."""
    count = bool(element.text and element.text.strip())
    element.text = None
    for child in element:
        count += bool(child.tail and child.tail.strip())
        child.tail = None
    return count


def _is_gone(element: HtmlElement, style: dict[str, str]) -> bool:
    if (
        "hidden" in element.attrib
        or style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
    ):
        return True
    if style.get("mso-hide") == "all" or _number(style.get("opacity"), 1) <= OPAQUE:
        return True
    is_cut = style.get("overflow", "").startswith("hidden")
    if is_cut and any(_pixels(style.get(name), 99) <= TINY for name in ("height", "max-height", "width", "max-width")):
        return True
    if style.get("position") in ("absolute", "fixed"):
        is_off = any(_pixels(style.get(name), 0) <= FAR for name in ("left", "top", "right", "bottom"))
        return is_off or "rect(0" in style.get("clip", "") or "inset(50%" in style.get("clip-path", "")
    return any(_pixels(style.get(name), 0) <= FAR for name in ("text-indent", "margin-left", "margin-top"))


def _look(style: dict[str, str], around: _Look) -> _Look:
    look = around
    ground = style.get("background-color") or style.get("background") or ""
    if "background-image" in style or "url(" in ground or "gradient(" in ground:
        look = replace(look, ground=None)
    elif ground not in _AS_AROUND and (colour := _colour(ground)) != _CLEAR:
        look = replace(look, ground=colour)
    if (ink := style.get("color", "")) not in _AS_AROUND:
        look = replace(look, ink=_colour(ink))
    if size := style.get("font-size"):
        look = replace(look, size=_pixels(size, look.size))
    return look


def _style(element: HtmlElement, sheet: dict[str, dict[str, str]]) -> dict[str, str]:
    """Of its own attributes, of the rules for its name, class and id, and of what it says itself; the last prevails."""
    found: dict[str, str] = {}
    if element.get("bgcolor"):
        found["background-color"] = element.get("bgcolor").strip().lower()
    if element.get("background"):
        found["background-image"] = "url"
    if element.tag == "font":
        found |= {"color": element.get("color").strip().lower()} if element.get("color") else {}
    if sheet:
        classes = (element.get("class") or "").split()[:20]
        names = [f".{name}" for name in classes] + ([f"#{element.get('id')}"] if element.get("id") else [])
        for name in [element.tag, *names, *(f"{element.tag}{name}" for name in names)]:
            found |= sheet.get(name.lower(), {})
    return found | _declarations(element.get("style") or "")


def _sheet(markup: str) -> dict[str, dict[str, str]]:
    """The rules of `<style>` for one element by name, class or id. Those for some screens only don't count."""
    found: dict[str, dict[str, str]] = {}
    for sheet in _SHEET.findall(markup[:SHEETS]):
        for selectors, said in islice(_rules(sheet), RULES):
            declared = _declarations(said)
            for one in selectors.split(","):
                name = one.strip().lower()
                if _NAME.fullmatch(name):
                    found[name] = found.get(name, {}) | declared
                elif declared.keys() & {"background", "background-color", "background-image"}:
                    found[ANYWHERE] = {"background-image": "url"}
    return found


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    depth, selectors = 0, ""
    first, *others = sheet.split("/*")
    for piece in _BRACES.split(first + "".join(other.partition("*/")[2] for other in others)):
        if piece in ("{", "}"):
            depth = max(depth + (1 if piece == "{" else -1), 0)
        elif depth == 0:
            selectors = piece.rpartition(";")[2].strip()
        elif depth == 1 and not selectors.startswith("@"):
            yield selectors, piece


def _declarations(said: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in said[:4_000].split(";"):
        name, colon, value = one.partition(":")
        if colon:
            found[name.strip().lower()] = value.replace("!important", "").strip().lower()
    if "font" in found and (size := _LENGTH.search(found["font"].partition("/")[0].rpartition(" ")[2])) and size[1]:
        found.setdefault("font-size", size[0])
    return found


def _alike(one: Colour, other: Colour) -> bool:
    return all(abs(a - b) <= LIKE for a, b in zip(one, other, strict=True))


def _colour(said: str) -> Colour | None:
    """None where it can't be told."""
    if said.startswith(("rgb", "hsl")):
        return _by_numbers(said)
    word = said.split(maxsplit=1)[0]
    if word == "transparent":
        return _CLEAR
    return _NAMED.get(word) or _hex(word.lstrip("#"))


def _hex(digits: str) -> Colour | None:
    digits = "".join(digit * 2 for digit in digits[:3]) if len(digits) in (3, 4) else digits[:6]
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        return None
    return red, green, blue


def _by_numbers(said: str) -> Colour | None:
    """`rgb(…)` and `hsl(…)`, with or without a fourth number for how much of it is seen."""
    found = [_number(n.rstrip("%"), 0) / (100 if n.endswith("%") else 1) for n in _NUMBERS.findall(said)[:4]]
    if len(found) < 3:  # noqa: PLR2004 three make a colour
        return None
    if len(found) > 3 and found[3] <= OPAQUE:  # noqa: PLR2004
        return _CLEAR
    if said.startswith("hsl"):
        red, green, blue = hls_to_rgb(found[0] / 360, found[2], found[1])
        return red * 255, green * 255, blue * 255
    whole = 255 if "%" in said else 1
    return found[0] * whole, found[1] * whole, found[2] * whole


def _pixels(said: str | None, otherwise: float) -> float:
    found = _LENGTH.match(said) if said else None
    if not found or not found[1]:
        return otherwise
    return _number(found[1], otherwise) * _PIXELS[found[2].lower()]


def _number(said: str | None, otherwise: float) -> float:
    try:
        return float(said) if said else otherwise
    except ValueError:
        return otherwise
