"""A base for values with named fields that costs nothing at start-up.

Creating a named tuple class takes a thirtieth of a millisecond's worth of work many times over, and a
frozen dataclass more; a program that starts for each case, with some fifty such classes, feels it.
Types are checked as for dataclasses.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self, dataclass_transform


@dataclass_transform(eq_default=False, frozen_default=True)
class Light:
    """A frozen value: fields are the annotations of the class, defaults its attributes.

    Two are the same only when they are the same object.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _known: ClassVar[frozenset[str]] = frozenset()
    _needed: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)
        cls._known = frozenset(cls._fields)
        cls._needed = frozenset(field for field in cls._fields if field not in cls.__dict__)

    def __init__(self, *values: Any, **named: Any) -> None:
        given = self.__dict__
        given.update(zip(self._fields, values, strict=False))
        given.update(named)
        if len(values) + len(named) != len(given) or not self._needed <= given.keys() <= self._known:
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._fields)}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def written(self) -> dict[str, Any]:
        """The fields that are not at their defaults."""
        absent = object()
        own = type(self).__dict__
        return {
            field: value
            for field in self._fields
            if (value := getattr(self, field)) != own.get(field, absent)
        }

    @classmethod
    def filled(cls, values: dict[str, Any]) -> Self:
        """One that takes its `written` fields over: quicker than calling the class, for many at once."""
        if not (cls._needed <= values.keys() <= cls._known):
            raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
        new = object.__new__(cls)
        object.__setattr__(new, "__dict__", values)
        return new

    def _replace(self, **changes: Any) -> Self:
        """The same with other values for some fields."""
        if not changes.keys() <= self._known:
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._fields)}")
        given = self.__dict__  # with whatever was worked out from it, which may not hold of another
        new = object.__new__(type(self))
        new.__dict__.update({field: given[field] for field in self._fields if field in given})
        new.__dict__.update(changes)
        return new
