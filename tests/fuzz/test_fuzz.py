"""What was found is not found again; and the search finds what is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fuzz import __main__ as fuzz
from tests.fuzz.__main__ import attempt, run
from tests.fuzz.targets import TARGETS

KEPT = sorted(path for path in (Path(__file__).parent / "kept").iterdir() if path.suffix != ".md")


@pytest.mark.parametrize("case", KEPT, ids=lambda path: path.name)
def test_what_went_wrong_once_is_read(case: Path):
    target = case.name.partition("-")[0]
    _, error = attempt(TARGETS[target], case.read_bytes())
    assert error is None, error


def test_a_mail_that_goes_wrong_is_found_made_small_and_kept(tmp_path: Path):
    def breaks(data: bytes) -> None:
        if b"Final-Recipient" in data:
            raise ValueError("no")

    found = run(1, None, 1, {"mail": breaks}, tmp_path)
    assert [path.read_bytes() for path in found] == [b"Final-Recipient"]
    assert found[0].name.startswith("mail-")


def test_a_mail_that_takes_too_long_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fuzz, "SECONDS", 0.1)

    def hangs(data: bytes) -> None:
        while b"Final-Recipient" in data:
            pass

    assert len(run(1, None, 1, {"mail": hangs}, tmp_path)) == 1
