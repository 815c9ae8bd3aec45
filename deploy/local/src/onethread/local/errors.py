"""The one error of this package."""

from __future__ import annotations


class CannotStart(Exception):  # noqa: N818 it reads as what is said to the person
    """Something needed is missing or in the way. Its text is one sentence for the person at the terminal."""
