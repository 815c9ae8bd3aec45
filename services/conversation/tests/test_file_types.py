"""What a file is and is called, told by its bytes and cleaned of tricks."""

from __future__ import annotations

import pytest

from onethread.conversation.file_types import NAME_BYTES, name_of, type_of

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("name", "content", "type_"),
    [
        ("x.txt", b"\x89PNG\r\n\x1a\n0000", "image/png"),
        ("offer.pdf", b"%PDF-1.7", "application/pdf"),
        ("offer.pdf", b"MZ\x90\x00\x03", "application/octet-stream"),
        ("letter.docx", b"PK\x03\x04rest", DOCX),
        ("letter.zip", b"PK\x03\x04rest", "application/zip"),
        ("table.csv", "a;b\nGröße;1\n".encode(), "text/csv"),
        ("note.txt", "Größe".encode(), "text/plain"),
        ("note", b"words", "text/plain"),
        ("note.txt", "Größe".encode("latin-1"), "application/octet-stream"),
        ("page.html", b"<p>words</p>", "text/html"),
        ("image.png", b"<svg>", "text/plain"),
        ("film.mp4", b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        ("x.bin", b"\x00\x01", "application/octet-stream"),
    ],
)
def test_bytes_say_what_it_is(name: str, content: bytes, type_: str):
    assert type_of(name, content) == type_


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("offer.pdf", "offer.pdf"),
        ("C:\\Users\\Mara\\offer.pdf", "offer.pdf"),
        ("../../etc/passwd", "passwd"),
        ("offer\u202efdp.exe", "offer fdp.exe"),
        ("a\r\nBcc: x.pdf", "a Bcc: x.pdf"),
        ("  two   words .pdf", "two words .pdf"),
        ("Gru\u0308sse.pdf", "Grüsse.pdf"),
        ("\x00", "unnamed"),
        ("..", "unnamed"),
        (".env", "env"),
    ],
)
def test_a_name_hides_nothing(given: str, name: str):
    assert name_of(given) == name


@pytest.mark.parametrize("given", ["ü" * 500 + ".pdf", "🙂" * 400 + ".pdf", "x" * 900, "a." + "ü" * 500])
def test_a_long_name_is_cut_and_keeps_its_ending(given: str):
    name = name_of(given)
    assert len(name.encode()) <= NAME_BYTES
    assert not given.endswith(".pdf") or name.endswith(".pdf")
