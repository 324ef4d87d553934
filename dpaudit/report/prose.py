"""Every sentence that a reader sees goes through here: catalogue first, then the numbers.

``_`` is a :class:`Prose`: ``_("{who} loses {amount}", who=..., amount=...)`` looks the English
sentence up in the message catalogue of the report's language and fills the named places in.
Values are never looked at as templates, so braces in a name are harmless. ``make catalogue``
extracts the sentences; ``locale/LANGUAGE.po`` translates them, and is read as it is.
"""

from __future__ import annotations

import datetime as dt
import functools
import gettext
import io
import re
from importlib import resources

import attrs

DOMAIN = "dpaudit"
_ID_COLUMN = re.compile(r"^(?P<stem>.+?)[ _-](?:id|code|key|name|number)$", re.IGNORECASE)


# Control characters, bidirectional overrides and what no XML document may hold.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """Return ``text`` without characters that hide, reorder or break what is printed."""
    return _HIDDEN.sub("", text)


@attrs.frozen
class Prose:
    """Sentences of one language.

    Parameters
    ----------
    language
        A locale name (``en``, ``es``, ``fr_CA``). Where there is no catalogue the English
        source sentences are used.
    """

    language: str = "en"
    catalogue: gettext.NullTranslations = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        folder = resources.files("dpaudit.report") / "locale"
        found = gettext.translation(
            DOMAIN, localedir=str(folder), languages=[self.locale], fallback=True
        )
        if type(found) is gettext.NullTranslations:
            found = _stored(self.locale) or found
        object.__setattr__(self, "catalogue", found)

    @property
    def locale(self) -> str:
        """The locale name as Babel wants it: ``en_US`` for ``en-US``."""
        return self.language.replace("-", "_")

    @property
    def tag(self) -> str:
        """The language tag as HTML and PDF want it: ``en-US`` for ``en_US``."""
        return self.language.replace("_", "-")

    def __call__(self, message: str, /, **values: object) -> str:
        """Return the sentence in this language with its places filled in."""
        return self.catalogue.gettext(message).format_map(values)

    def plural(self, one: str, many: str, /, count: int, **values: object) -> str:
        """Return the sentence for ``count`` things; ``{count}`` is filled in too."""
        values = {"count": self.whole(count), **values}
        return self.catalogue.ngettext(one, many, count).format_map(values)

    def decimal(self, value: float, *, places: int = 0) -> str:
        """Return ``value`` with ``places`` decimals and a real minus sign."""
        from babel.numbers import format_decimal

        pattern = "#,##0" + ("." + "0" * places if places > 0 else "")
        text = format_decimal(value + 0.0, format=pattern, locale=self.locale)
        return "0" if text in {"-0", "\u22120"} else text.replace("-", "\u2212")

    def whole(self, value: float) -> str:
        """Return a whole number with its thousands apart."""
        return self.decimal(round(value))

    def plain(self, value: object) -> str:
        """Return a parameter as its author wrote it (``0.01``, ``1``), never rounded."""
        if isinstance(value, float):
            short = f"{value:g}"
            exact = short if float(short) == value else repr(value)
            return exact.replace("-", "\u2212")
        return str(value).replace("-", "\u2212") if isinstance(value, int) else str(value)

    def day(self, iso: str) -> str:
        """Return a date in words: ``April 1, 2024`` for ``2024-04-01``."""
        from babel.dates import format_date

        return format_date(dt.date.fromisoformat(iso[:10]), format="long", locale=self.locale)

    def listing(self, items: tuple[str, ...]) -> str:
        """Return ``a, b and c``."""
        from babel.lists import format_list

        return format_list(list(items), locale=self.locale)

    def point(self, parameter: str, value: object) -> str:
        """Return ``ε = 0.1``: a parameter and its value."""
        return f"{symbol(parameter)}\u00a0=\u00a0{self.plain(value)}"

    def many(self, noun: str) -> str:
        """Return the plural of a noun that came from a column's name (English only)."""
        if not self.language.startswith("en"):
            return noun
        if re.search(r"[^aeiou]y$", noun):
            return noun[:-1] + "ies"
        return noun + ("es" if re.search(r"(s|x|ch|sh)$", noun) else "s")


def languages() -> tuple[str, ...]:
    """Return the languages that reports are written in: English, and every catalogue's."""
    folder = resources.files("dpaudit.report") / "locale"
    return ("en", *sorted(f.name[:-3] for f in folder.iterdir() if f.name.endswith(".po")))


@functools.cache
def _stored(locale: str) -> gettext.NullTranslations | None:
    """Return the catalogue ``LANGUAGE.po`` of a language, or of the one that it is a form of."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    folder = resources.files("dpaudit.report") / "locale"
    for name in (locale, locale.split("_", maxsplit=1)[0]):
        file = folder / f"{name}.po"
        if file.is_file():
            compiled = io.BytesIO()
            write_mo(compiled, read_po(io.BytesIO(file.read_bytes()), locale=name))
            return gettext.GNUTranslations(io.BytesIO(compiled.getvalue()))
    return None


def symbol(parameter: str) -> str:
    """Return the usual letter of a privacy parameter, or its name."""
    return {"epsilon": "ε", "delta": "δ", "rho": "ρ"}.get(parameter, words(parameter))


def words(name: str) -> str:
    """Return a column's or quantity's name as words: ``size_class`` is ``size class``."""
    return name.replace("_", " ").replace("-", " ")


def noun(column: str, default: str) -> str:
    """Return what one row is called: ``district`` for a column ``district_id``."""
    match = _ID_COLUMN.match(column)
    return words(match["stem"]).lower() if match else default
