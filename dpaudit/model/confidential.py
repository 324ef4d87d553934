"""A value that no renderer takes: it has to be revealed by name, or changed by noise, first."""

from __future__ import annotations

from typing import Any, Generic, NoReturn, TypeVar

from dpaudit.errors import DisclosureError

T = TypeVar("T")


class Confidential(Generic[T]):
    """Holds a value that must not be printed, logged, stored or compared.

    Text, numbers, iteration, comparison, hashing, pickling and arrays are refused, so that a
    sentence, a table, a chart, a log line or a cache entry made of it fails at once. Its ``repr``,
    which a traceback may show, says nothing of the value.

    Examples
    --------
    >>> from dpaudit.model.confidential import Confidential
    >>> Confidential(48_217)
    Confidential(...)
    >>> f"{Confidential(48_217)}"
    Traceback (most recent call last):
        ...
    dpaudit.errors.DisclosureError: a confidential value was about to be printed
      help: release it through a mechanism first, or report on public data
    """

    __slots__ = ("__value",)

    def __init__(self, value: T) -> None:
        self.__value = value

    def __repr__(self) -> str:
        return "Confidential(...)"

    def reveal(self) -> T:
        """Return the value, for a computation whose result is protected or stays in the house."""
        return self.__value

    def __refuse(self, *_: Any) -> NoReturn:
        raise DisclosureError(
            "a confidential value was about to be printed",
            hint="release it through a mechanism first, or report on public data",
        )

    __str__ = __format__ = __iter__ = __len__ = __getitem__ = __float__ = __int__ = __refuse
    __index__ = __bool__ = __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __refuse
    __bytes__ = __reduce__ = __reduce_ex__ = __getstate__ = __array__ = __copy__ = __refuse
    __deepcopy__ = __html__ = __refuse

    def __hash__(self) -> int:
        return self.__refuse()
