"""Three-valued truth: what is not known is neither true nor false."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NoReturn


class Truth(Enum):
    """Strong Kleene truth, ordered false < unknown < true.

    With that order *all* is the least, *any* the greatest and *not* the mirror;
    there is no table to get wrong.
    """

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2

    __hash__ = object.__hash__  # as an Enum's, and not worked out in Python

    def __bool__(self) -> NoReturn:
        # `if truth:` would silently read "not known" as one of the two others.
        raise TypeError("a Truth is not a bool: compare it with `is`")

    def __str__(self) -> str:
        return ("false", "unknown", "true")[self.value]


FALSE, UNKNOWN, TRUE = Truth.FALSE, Truth.UNKNOWN, Truth.TRUE


def opposite(truth: Truth) -> Truth:
    """The mirror: true and false change places, unknown stays."""
    if truth is UNKNOWN:
        return UNKNOWN
    return FALSE if truth is TRUE else TRUE


def least(truths: Iterable[Truth]) -> Truth:
    """True when every one is; true of none at all."""
    found = TRUE
    for truth in truths:
        if truth is FALSE:
            return FALSE
        if truth is UNKNOWN:
            found = UNKNOWN
    return found


def greatest(truths: Iterable[Truth]) -> Truth:
    """True when one of them is; false of none at all."""
    found = FALSE
    for truth in truths:
        if truth is TRUE:
            return TRUE
        if truth is UNKNOWN:
            found = UNKNOWN
    return found


def between(certain: int, possible: int, needed: int) -> Truth:
    """True when what is certain reaches what is needed, false when what is possible does not."""
    if certain >= needed:
        return TRUE
    return FALSE if possible < needed else UNKNOWN
