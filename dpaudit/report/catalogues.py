"""The catalogues of plug-ins: what they say is looked up in what their packages bring.

A package keeps ``locale/LANGUAGE.po`` beside its modules or in its top folder. What a plug-in says
as finished text (a caveat, a cost, a section, a finding) is looked up as it stands, and where a
message holds places in braces, by what stands around them: the places keep what is in them, and
numbers are written as the language has them. A plug-in may also say its sentences with
:func:`sentences`, sentence first and numbers after.
"""

from __future__ import annotations

import functools
import gettext
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from dpaudit.model.finding import Finding
from dpaudit.model.report import Block, Section
from dpaudit.model.results import Results
from dpaudit.report.prose import OWN, Prose, catalogue_in

_PLACE = re.compile(r"\{(\w+)\}")
_NO_TEXT = frozenset({"svg", "anchor", "kind", "unit", "level"})
_AMOUNT = re.compile(r"[+\u2212]?\d[\d,]*(?:\.\d+)?%?")
_WORDS = 8
"""A message with fewer letters than this has numbers alone in its places."""

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+")


def sentences(results: Results, module: str) -> Prose:
    """Return how a plug-in says sentences in the language of a report.

    Parameters
    ----------
    results
        The audit, as the hooks are given it.
    module
        ``__name__`` of the plug-in: its catalogue is ``locale/LANGUAGE.po`` in the folder of that
        module or of a package around it.

    Returns
    -------
    Prose
        ``_("{who} waits {days} days", who=name, days=_.whole(days))`` looks the sentence up and
        fills in its places; without a catalogue it says the English.
    """
    return of_module(results.spec.report.language, module)


def of_module(language: str, module: str) -> Prose:
    """Return the sentences of one module, in a language."""
    for folder in _folders(module):
        found = catalogue_in(folder / "locale", language)
        if found is not None:
            return Prose(language, found)
    return Prose(language, gettext.NullTranslations())


def _folders(module: str) -> tuple[Path, ...]:
    """Return the folder of a module and those of the packages around it, from inside out."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is None:
        return ()
    own = Path(file).resolve().parent
    depth = module.count(".") + (1 if hasattr(loaded, "__path__") else 0)
    return (own, *list(own.parents)[: max(0, depth - 1)])


@attrs.frozen(eq=False)
class Told:
    """What plug-ins said, in another language: exact messages first, then those with places."""

    prose: Prose
    exact: dict[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...]

    @classmethod
    def of(cls, prose: Prose, folders: Iterable[Path]) -> Told:
        """Return what the catalogues of some folders translate, after our own."""
        exact: dict[str, str] = {}
        patterns: list[tuple[re.Pattern[str], str]] = []
        places = (folder / "locale" for folder in dict.fromkeys(folders))
        own = catalogue_in(OWN, prose.language)
        for found in (*(catalogue_in(place, prose.language) for place in places), own):
            for message, text in _messages(found).items():
                exact.setdefault(message, text)
                if _PLACE.search(message):
                    patterns.append((_pattern(message), text))
        return cls(prose, exact, tuple(patterns))

    def __call__(self, text: str) -> str:
        """Return a plug-in's text in the language of the report, or as it is."""
        if text in self.exact:
            return self.exact[text]
        for pattern, said in self.patterns:
            match = pattern.fullmatch(text)
            if match is not None:
                values = {name: self._number(v) for name, v in match.groupdict().items()}
                return said.format_map(values)
        return self._number(text) if _AMOUNT.fullmatch(text) else text

    def finding(self, finding: Finding) -> Finding:
        """Return a finding of a plug-in in the language of the report."""
        return attrs.evolve(
            finding,
            statement=self(finding.statement),
            detail=self(finding.detail),
            reason=self(finding.reason),
            recommendations=tuple(map(self, finding.recommendations)),
        )

    def section(self, section: Section) -> Section:
        """Return a section of a plug-in in the language of the report: every text in it."""
        if not (self.exact or self.patterns):
            return section
        return attrs.evolve(
            section,
            title=self(section.title),
            blocks=tuple(map(self._block, section.blocks)),
            aside=tuple(map(self._block, section.aside)),
        )

    def _block(self, block: Block) -> Block:
        made: Block = self._value(block)
        return made

    def _value(self, value: Any) -> Any:
        """Return a block with every text in it looked up; drawings and anchors stay."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Finding):
            return self.finding(value)
        if isinstance(value, tuple):
            return tuple(map(self._value, value))
        if attrs.has(type(value)):
            kept = {f.name: getattr(value, f.name) for f in attrs.fields(type(value))}
            said = {n: self._value(v) for n, v in kept.items() if n not in _NO_TEXT}
            return attrs.evolve(value, **said)
        return value

    def _number(self, text: str) -> str:
        """Return a text whose numbers are written as the language has them."""

        def written(match: re.Match[str]) -> str:
            whole = match[0].replace(",", "")
            return self.prose.decimal(float(whole), places=len(whole.partition(".")[2]))

        return _NUMBER.sub(written, text)


def told_of(results: Results, prose: Prose) -> Told:
    """Return what the plug-ins of an audit say, in the language of its report."""
    beside = results.spec.path.parent
    folders: list[Path] = []
    for plugin in results.provenance.plugins:
        is_file = plugin.module.endswith(".py")
        folders += [beside / Path(plugin.module).parent] if is_file else _folders(plugin.module)
    return Told.of(prose, folders)


def _messages(catalogue: object) -> dict[str, str]:
    made = getattr(catalogue, "_catalog", {})
    return {key: text for key, text in made.items() if isinstance(key, str) and key and text}


@functools.cache
def _pattern(message: str) -> re.Pattern[str]:
    parts = _PLACE.split(message)
    letters = sum(c.isalpha() for part in parts[::2] for c in part)
    inside = ".+?" if letters >= _WORDS else _AMOUNT.pattern
    seen: set[str] = set()
    out = []
    for i, part in enumerate(parts):
        if i % 2 == 0:
            out.append(re.escape(part))
        elif part in seen:
            out.append(f"(?P={part})")
        else:
            seen.add(part)
            out.append(f"(?P<{part}>{inside})")
    return re.compile("".join(out), re.DOTALL)


def first_paragraph(docstring: str) -> str:
    """Return what a docstring says first, in one line."""
    first = " ".join(docstring.strip().split("\n\n")[0].split()).replace("``", "")
    return first if first.endswith((".", "!", "?")) or not first else first + "."


def sentence(text: str) -> str:
    """Return what a plug-in says as a sentence: a capital first, a full stop last."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) or not text else text + "."
