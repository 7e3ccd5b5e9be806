"""What was worked out of a rulebook, kept in the user's cache folder so that the next start is quick.

It holds no patient data, and it can run nothing: of all classes only those of a rulebook are filled from
it. A file is named by the digest of the rule files and of the code that read them, and begins with a sum
over its name and its content: what does not fit is worked out anew. `RSA_CACHE=off` turns it off.
"""

from __future__ import annotations

import os
import pickle
import sys
from _blake2 import blake2b  # as in hashlib, which loads OpenSSL first
from contextlib import suppress
from copyreg import __newobj__  # type: ignore[attr-defined]
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

from rsa_cli.light import Light

_KEPT = 16  # files that stay when others are made
_SUM = 32  # bytes at the head
_PLAIN = (str, int, bool, Fraction, type(None))


def folder() -> Path | None:
    """Where rulebooks are kept; `None` when they are not to be."""
    if os.environ.get("RSA_CACHE", "").casefold() in ("off", "0", "no"):
        return None
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    if base and os.path.isabs(base):
        return Path(base) / "rsa-workup"
    home = os.path.expanduser("~")
    if home == "~":
        return None
    return Path(home, "Library/Caches" if sys.platform == "darwin" else ".cache", "rsa-workup")


def digest(*parts: bytes) -> bytes:
    """The digest of some bytes, cut where the parts are cut."""
    found = blake2b(digest_size=_SUM)
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.digest()


def fetch(key: str, classes: tuple[type, ...]) -> Any:
    """What was kept under a key, or `None`: never anything in part, and nothing but these classes."""
    place = folder()
    if place is None:
        return None
    try:
        data = (place / f"{key}.kept").read_bytes()
    except OSError:
        return None
    body = data[_SUM:]
    if data[:_SUM] != digest(key.encode(), body):
        return None  # not ours, or cut short
    try:
        return _Reader(BytesIO(body), classes).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
    ):
        return None


def keep(key: str, value: Any, classes: tuple[type, ...]) -> bool:
    """Keep a value under a key, whole or not at all, and say whether; a folder that cannot be written is no error."""
    place = folder()
    if place is None:
        return False
    written = BytesIO()
    _Writer(written, classes).dump(value)
    body = written.getvalue()
    part = place / f"{key}.{os.getpid()}.part"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_bytes(digest(key.encode(), body) + body)
        part.replace(place / f"{key}.kept")
        aged = sorted(place.glob("*.kept"), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in aged[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            part.unlink()
        return False
    return True


class _Writer(pickle.Pickler):
    """Writes values of some classes, alike ones once, and no field that is at its default."""

    def __init__(self, file: BytesIO, classes: tuple[type, ...]) -> None:
        super().__init__(file, 5)
        self.known = frozenset(classes)
        self.fields: dict[int, dict[str, Any]] = {}  # of a Light value: what of it is written
        self.before: dict[tuple[Any, ...], Any] = {}

    def dump(self, value: Any) -> None:
        """Write the value."""
        super().dump(self._single(value))

    def _single(self, value: Any) -> Any:
        """The value, or the one alike that was met before."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        whole: Any = value
        if kind in self.known and issubclass(kind, Light):
            parts = value.written()
            if "place" in kind.__dict__:  # a place that may be left out: a condition's, which no report names
                parts.pop("place", None)
            parts = {field: self._single(part) for field, part in parts.items()}
        elif kind is dict:
            whole = parts = {key: self._single(part) for key, part in value.items()}
        elif kind is frozenset:
            parts = dict.fromkeys(sorted(value))
        elif kind is tuple or kind in self.known:
            parts = dict(enumerate(map(self._single, value)))
            whole = kind(parts.values()) if kind is tuple else kind(*parts.values())
        else:
            raise TypeError(f"{kind.__name__} cannot be kept")
        plain = ((key, type(part), part if type(part) in _PLAIN else id(part)) for key, part in parts.items())
        found = self.before.setdefault((kind, *plain), whole)
        if found is value and isinstance(value, Light):
            self.fields[id(value)] = parts
        return found

    def reducer_override(self, value: Any) -> Any:
        """How a value is written that is none of Python's own."""
        kind = type(value)
        if kind is Fraction:
            return Fraction, (value.numerator, value.denominator)
        return (__newobj__, (kind,), self.fields[id(value)]) if isinstance(value, Light) else NotImplemented


class _Reader(pickle.Unpickler):
    """Reads values of some classes: whatever else a file names makes it unreadable."""

    def __init__(self, file: BytesIO, classes: tuple[type, ...]) -> None:
        super().__init__(file)
        self.known = {(known.__module__, known.__qualname__): known for known in (*classes, Fraction)}

    def find_class(self, module: str, name: str) -> Any:
        """One of the classes, never anything else."""
        known = self.known.get((module, name))
        if known is None:
            raise pickle.UnpicklingError(f"{module}.{name} is not kept")
        return known
