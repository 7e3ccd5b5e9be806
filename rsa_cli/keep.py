"""A rulebook that was read, kept as JSON in the user's cache folder so that the next start is quick.

It holds no patient data, and can run nothing. A file is named by the digest of the YAML files and of the code
that read them, and what is spoilt is read anew. Whoever may write that folder may change answers, so one that
others may write is not used. `RSA_CACHE=off` turns it off.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any

from rsa_cli.light import Light

_KEPT = 16  # files that stay when others are made
_A_DAY = 86_400  # seconds


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


def fetch(key: str, classes: tuple[type, ...]) -> Any:
    """What was kept under a key, or `None`: never anything in part."""
    place = folder()
    if place is None:
        return None
    try:
        if not _own(place):
            return None
        text = (place / f"{key}.json").read_text(encoding="utf-8")
        check, _, body = text.partition("\n")
        if check != sha256(body.encode()).hexdigest():
            return None
        found = json.loads(body, object_hook=_decoder(classes))
        return _tuple(found) if type(found) is list else found
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ):
        return None  # not there, not ours, or cut short


def _own(place: Path) -> bool:
    """Whether nobody else may write a folder. Raises OSError where there is none."""
    if sys.platform == "win32":  # where the user's own folder is nobody else's
        return True
    about = place.stat()
    return about.st_uid == os.getuid() and not about.st_mode & 0o022


def keep(key: str, value: Any, classes: tuple[type, ...]) -> bool:
    """Keep a value under a key, whole or not at all, and say whether; a folder that cannot be written is no error."""
    place = folder()
    if place is None:
        return False
    text = json.dumps(_encoder(classes)(value), ensure_ascii=False, separators=(",", ":"))
    part = place / f"{key}.{os.getpid()}.part"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _own(place):
            return False
        part.write_text(f"{sha256(text.encode()).hexdigest()}\n{text}", encoding="utf-8")
        part.replace(place / f"{key}.json")
        aged = sorted(place.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
        left = [
            p for p in place.glob("*.part") if p.stat().st_mtime < time() - _A_DAY
        ]  # of runs that were killed
        for old in [*aged[_KEPT:], *left]:
            old.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            part.unlink()
        return False
    return True


# A list is a tuple. What `=` of an object says it is: a class by its number, or one of these; else it is a
# dictionary. What was written before is not written again: the number of the value stands for it.
_WHAT, _SET, _FRACTION, _SAME = "=", "s", "f", "same"


def _encoder(classes: tuple[type, ...]) -> Callable[[Any], Any]:
    numbers = {known: number for number, known in enumerate(classes)}
    before: dict[str, int] = {}

    def whole(value: Any, part: Callable[[Any], Any]) -> Any:
        kind = type(value)
        if value is None or kind in (str, int, bool):
            return value
        if kind in numbers and isinstance(value, Light):
            fields = value.written()
            if "place" in kind.__dict__:  # a place that may be left out: a condition's, which no report names
                fields.pop("place", None)
            return {**{field: part(inner) for field, inner in fields.items()}, _WHAT: numbers[kind]}
        if kind in numbers:
            return {"of": [part(inner) for inner in value], _WHAT: numbers[kind]}
        if kind is dict and _WHAT not in value:
            return {key: part(inner) for key, inner in value.items()}
        if kind is tuple:
            return [part(inner) for inner in value]
        if kind is frozenset:
            return {"of": [part(inner) for inner in sorted(value)], _WHAT: _SET}
        if kind is Fraction:
            return {"of": [value.numerator, value.denominator], _WHAT: _FRACTION}
        raise TypeError(f"{kind.__name__} cannot be kept")

    def plain(value: Any) -> Any:
        return whole(value, plain)

    def encode(value: Any) -> Any:
        if type(value) not in numbers:
            return whole(value, encode)
        name = json.dumps(plain(value))
        if name in before:
            return {"of": before[name], _WHAT: _SAME}
        encoded = whole(value, encode)
        before[name] = len(before)
        return encoded

    return encode


def _decoder(classes: tuple[type, ...]) -> Callable[[dict[str, Any]], Any]:
    """What makes of each object of the JSON what it was, those inside it first."""
    before: list[Any] = []
    known: list[Any] = [(made.filled if issubclass(made, Light) else None, made) for made in classes]

    def decode(data: dict[str, Any]) -> Any:
        what = data.pop(_WHAT, None)
        if what == _SAME:
            return before[data["of"]]
        for key, part in data.items():
            if type(part) is list:
                data[key] = _tuple(part)
        if what is None:
            return data
        if what == _SET:
            return frozenset(data["of"])
        if what == _FRACTION:
            return Fraction(*data["of"])
        filled, kind = known[what]
        made = filled(data) if filled else kind(*data["of"])
        before.append(made)
        return made

    return decode


def _tuple(parts: list[Any]) -> tuple[Any, ...]:
    return tuple([_tuple(part) if type(part) is list else part for part in parts])
