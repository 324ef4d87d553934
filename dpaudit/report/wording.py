"""The words of one audit: what its rows are called and how a case is named."""

from __future__ import annotations

import attrs

from dpaudit.data.geometry import Shapes
from dpaudit.model.guarantee import rounded_up
from dpaudit.model.results import Results
from dpaudit.report.amounts import Amounts
from dpaudit.report.cases import Case, Cases
from dpaudit.report.catalogues import Told, told_of
from dpaudit.report.prose import Prose, noun, words


@attrs.frozen(eq=False)
class Wording:
    """Nouns and names, taken from the audit file.

    Parameters
    ----------
    prose
        The language.
    results
        The audit.
    """

    prose: Prose
    results: Results

    @property
    def entity(self) -> str:
        """What one row of the data is called, singular: as the audit file says, or its column."""
        given = self.results.spec.data.noun
        word = given or noun(self.results.spec.data.entity, "entity")
        return self.prose.noun(word)

    @property
    def entities(self) -> str:
        """What the rows of the data are called."""
        given = self.results.spec.data.noun
        return self.prose.many(given or noun(self.results.spec.data.entity, "entity"))

    @property
    def people(self) -> str:
        """What is counted: as the audit file says, or the count column in words."""
        given = self.results.spec.data.counted
        if given is None and self.results.spec.data.table:
            return self.prose("people")
        return given or words(self.results.spec.data.count)

    def over(self, name: str) -> str:
        """Return what one member of an axis is called: entity or a group of a grouping."""
        return self.entity if name == "entity" else self.prose.noun(words(name))

    def overs(self, name: str) -> str:
        """Return what the members of an axis are called, plural; codes stay as they are."""
        word = self.over(name)
        if name == "entity":
            return self.entities
        if name in self.results.spec.data.classes:
            return self.prose("{axis} classes", axis=word)
        return word if any(c.isupper() for c in word) else self.prose.many(words(name))

    def label(self, name: str) -> str:
        """Return a name out of the data, marked as one and kept apart from the text around."""
        return self.prose("“{name}”", name=name)

    def named(self, axis: str, name: str) -> str:
        """Return a name with what it is: ``county “Kern”``, for an entity the name alone."""
        if axis == "entity":
            return self.label(name)
        spec = self.results.spec.data.classes.get(axis)
        if spec is not None and spec.share_of is not None:
            return self.prose("the class “{name}”", name=name)
        if spec is not None:
            return self.prose("{axis} class “{name}”", axis=self.over(axis), name=name)
        return self.prose("{axis} “{name}”", axis=self.over(axis), name=name)

    def one_of(self, axis: str) -> str:
        """Return what one of an axis is called: ``county``, or ``size class``."""
        word = self.over(axis)
        return self.prose("{axis} class", axis=word) if self._has_classes(axis) else word

    def _has_classes(self, axis: str) -> bool:
        return axis in self.results.spec.data.classes

    def decision(self, case: Case) -> str:
        """Return the name of a case's decision."""
        return words(case.task.decision)

    def release(self, case: Case) -> str:
        """Return a case's release by name, marked as a name."""
        return self.prose("the “{release}” release", release=case.task.release)

    def point(self, case: Case) -> str:
        """Return ``ε = 0.1``: where the case stands, from its sweep or its guarantee."""
        _ = self.prose
        if case.task.point:
            return ", ".join(_.point(key, value) for key, value in case.task.point.items())
        return self._budget(case) if case.is_private else _("no stated budget")

    def promise(self, case: Case) -> str:
        """Return what a release promises, in its own terms: ε, ρ, δ, or nothing."""
        _, guarantee = self.prose, case.result.guarantee
        if not guarantee.promises and not guarantee.every_epsilon:
            return _("none")
        if guarantee.every_epsilon and guarantee.delta >= 1.0:  # the release may tell everything
            return _("none")
        budget = self._budget(case)
        with_delta = guarantee.delta > 0 and not guarantee.every_epsilon
        return f"{budget}, {_.point('delta', guarantee.delta)}" if with_delta else budget

    def _budget(self, case: Case) -> str:
        """Return the budget that a release states: ρ or ε, or δ where it holds at every ε."""
        _, guarantee = self.prose, case.result.guarantee
        if guarantee.every_epsilon:
            return _.point("delta", _computed(case, guarantee.delta))
        in_epsilon = case.result.parameters.get("epsilon") not in {None, float("inf")}
        if guarantee.rho is not None and not in_epsilon:
            return _.point("rho", _computed(case, guarantee.rho))
        return _.point("epsilon", _computed(case, guarantee.epsilon))

    def where(self, case: Case) -> str:
        """Return release and point: ``the “clipped” release at ε = 0.1``, where it has one."""
        if not case.task.point and not case.is_private:
            return self.release(case)
        return self.prose(
            "{release} at {point}", release=self.release(case), point=self.point(case)
        )

    def amounts(self, unit: str, *, bare: bool = False) -> Amounts:
        """Return how amounts of ``unit`` are written; ``bare``: under a heading with the unit."""
        counted = self.results.spec.data.counted
        return Amounts(self.prose, unit, counted, many=self.entities, bare=bare)

    def unit(self, unit: str) -> str:
        """Return a unit in words, as a heading or an axis names it."""
        _ = self.prose
        known = {
            "dollars": _("dollars"),
            "persons": self.results.spec.data.counted or _("people"),
            "share": _("percentage points"),
            "probability": _("chances in 100"),
            "entities": self.entities,
        }
        return known.get(unit, unit)

    def headed(self, label: str, unit: str, *, under: str | None = None) -> str:
        """Return a caption or column's label with the unit of the bare numbers below it.

        Dollars carry their own sign, and a column whose caption says the same unit (``under``)
        need not say it again.
        """
        if unit in {"dollars", "", under}:
            return label
        return self.prose("{label}, in {unit}", label=label, unit=self.unit(unit))


@attrs.frozen(eq=False)
class Context:
    """What every part of the report needs: results by case, the words, and outlines of a map.

    ``said`` gives what a plug-in says in the language of the report.
    """

    cases: Cases
    words: Wording
    said: Told
    shapes: Shapes | None = None

    @property
    def prose(self) -> Prose:
        """The language."""
        return self.words.prose

    @property
    def results(self) -> Results:
        """The audit."""
        return self.cases.results

    @classmethod
    def of(cls, results: Results) -> Context:
        """Return the context of an audit in the language of its report."""
        prose = Prose(results.spec.report.language)
        return cls(Cases(results), Wording(prose, results), told_of(results, prose))


def evidence(case: Case, *quantities: str) -> tuple[str, ...]:
    """Return addresses in the measurements: ``task: quantity``."""
    return tuple(f"{case.task.id}: {quantity}" for quantity in quantities)


def _computed(case: Case, budget: float) -> float:
    """Return a budget as the audit file states it, or else to six digits and never less."""
    if budget in case.result.parameters.values():
        return budget
    return float(rounded_up(float(f"{budget:.12g}")))


def first_upper(text: str) -> str:
    """Return a text whose first letter is a capital, the others as they are."""
    return text[:1].upper() + text[1:]
