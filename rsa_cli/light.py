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
    _required: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)
        cls._required = sum(field not in cls.__dict__ for field in cls._fields)

    def __init__(self, *values: Any, **named: Any) -> None:
        given = self.__dict__
        given.update(zip(self._fields, values, strict=False))
        given.update(named)
        count = len(values) + len(named)
        if count != len(given) or not self._required <= count <= len(self._fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._fields)}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    @classmethod
    def _filled(cls, values: list[Any]) -> Self:
        """One from the values of all its fields in their order: quicker, for many at once."""
        new = object.__new__(cls)
        new.__dict__.update(zip(cls._fields, values, strict=True))
        return new

    def _replace(self, **changes: Any) -> Self:
        """The same with other values for some fields."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.__dict__.update(changes)
        return new
