"""reStructuredText: to HTML by docutils, then as a web page."""

import re

from docutils.core import publish_parts

from onethread.knowledge.reading.encodings import decode
from onethread.knowledge.reading.parts import File, Reading
from onethread.knowledge.reading.plain_text import title_of
from onethread.knowledge.reading.web_page import article_of

# Sphinx's roles and directives are not known to docutils, which would show an error instead of the text.
_ROLE = re.compile(r":[a-zA-Z][\w:.+-]*:`(?:!|~)?([^`<]*?)(?:\s*<[^`>]*>)?`")
_BOXES = "versionadded|versionchanged|deprecated|seealso|todo"
_BOX = re.compile(rf"^([ \t]*)\.\. (?:{_BOXES})::[ \t]*", re.MULTILINE)
_LISTING = re.compile(r"^([ \t]*)\.\. (?:code-block|sourcecode)::", re.MULTILINE)
_SETTINGS = {
    "file_insertion_enabled": False,  # include:: would read this machine's files
    "raw_enabled": False,
    "report_level": 5,
    "halt_level": 5,
    "syntax_highlight": "none",
    "_disable_config": True,
    "embed_stylesheet": False,
}


def read_rst(file: File) -> Reading:
    text = decode(file.content, file.charset)
    text = _LISTING.sub(r"\1.. code::", _BOX.sub(r"\1.. note:: ", _ROLE.sub(r"\1", text)))
    parts: dict[str, str] = dict(publish_parts(text, writer="html5", settings_overrides=_SETTINGS))  # type: ignore[arg-type]
    return Reading((article_of(parts["html_title"] + parts["fragment"], title_of(file.name)),))
