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
from pathlib import Path

import attrs

OWN = Path(str(resources.files("dpaudit.report"))) / "locale"
"""Where the catalogues of reports are."""
_ID_COLUMN = re.compile(r"^(?P<stem>.+?)[ _-](?:id|code|key|name|number)$", re.IGNORECASE)


@attrs.frozen
class Prose:
    """Sentences of one language.

    Parameters
    ----------
    language
        A locale name (``en``, ``es``, ``fr_CA``). Where there is no catalogue the English
        source sentences are used.
    catalogue
        Where sentences are looked up, if not in the catalogue of reports.
    """

    language: str = "en"
    catalogue: gettext.NullTranslations = attrs.field(repr=False, eq=False)

    @catalogue.default
    def _own(self) -> gettext.NullTranslations:
        return catalogue_in(OWN, self.language) or gettext.NullTranslations()

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
            return exact.replace("-", "\u2212").replace(".", self._point)
        return str(value).replace("-", "\u2212") if isinstance(value, int) else str(value)

    @property
    def _point(self) -> str:
        from babel.numbers import get_decimal_symbol

        return get_decimal_symbol(self.locale)

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

    def noun(self, noun: str) -> str:
        """Return a noun that came from a column's name, translated where it is a common one."""
        return _nouns(self, 1).get(noun, noun)

    def many(self, noun: str) -> str:
        """Return the plural of a noun that came from a column's name or the audit file."""
        known = _nouns(self, 2).get(noun)
        if known is not None:
            return known
        if self.language.startswith("es"):
            return _spanish(noun)
        if not self.language.startswith("en"):
            return noun
        if re.search(r"[^aeiou]y$", noun):
            return noun[:-1] + "ies"
        return noun + ("es" if re.search(r"(s|x|ch|sh)$", noun) else "s")


def _nouns(_: Prose, count: int) -> dict[str, str]:
    """Return nouns that rows and groups are often called, in the language, one or many."""
    return {
        "district": _.plural("district", "districts", count),
        "county": _.plural("county", "counties", count),
        "state": _.plural("state", "states", count),
        "region": _.plural("region", "regions", count),
        "place": _.plural("place", "places", count),
        "jurisdiction": _.plural("jurisdiction", "jurisdictions", count),
        "cell": _.plural("cell", "cells", count),
        "entity": _.plural("entity", "entities", count),
        "group": _.plural("group", "groups", count),
        "size": _.plural("size", "sizes", count),
        "race": _.plural("race", "races", count),
        "sex": _.plural("sex", "sexes", count),
        "age": _.plural("age", "ages", count),
    }


def _spanish(noun: str) -> str:
    """Return the plural of a Spanish noun by the usual rule."""
    if re.search(r"[aeiouáéó]$", noun):
        return noun + "s"
    if noun.endswith("z"):
        return noun[:-1] + "ces"
    if noun.endswith("s"):
        return noun
    return (noun[:-3] + "iones") if noun.endswith("ión") else noun + "es"


def languages() -> tuple[str, ...]:
    """Return the languages that reports are written in: English, and every catalogue's."""
    return ("en", *sorted(f.name[:-3] for f in OWN.iterdir() if f.name.endswith(".po")))


@functools.cache
def catalogue_in(folder: Path, language: str) -> gettext.NullTranslations | None:
    """Return the catalogue ``LANGUAGE.po`` of a folder, or that of the language it is a form of."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    locale = language.replace("-", "_")
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


def quantity_name(quantity: str) -> str:
    """Return a quantity as a term begins: ``tpr-0.01`` is ``TPR 0.01``."""
    known = {"auc": "AUC", "fpr": "FPR", "tpr": "TPR"}
    named = " ".join(known.get(word, word) for word in words(quantity).split())
    return named[:1].upper() + named[1:]


def noun(column: str, default: str) -> str:
    """Return what one row is called: ``district`` for a column ``district_id``."""
    match = _ID_COLUMN.match(column)
    return words(match["stem"]).lower() if match else default
