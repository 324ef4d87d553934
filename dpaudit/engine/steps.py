"""Tells the steps of a chain what noise each of them sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from dpaudit.errors import SpecError
from dpaudit.interfaces import Mechanism, PostProcessor
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.parameters import given


def told(
    steps: Sequence[PostProcessor],
    mechanism: Mechanism | None,
    tree: Hierarchy | None,
    where: str,
) -> Iterator[PostProcessor]:
    """Yield every step, with the noise that it sees where it asks for it.

    Steps after a tree see every node until one takes the entities alone. A step on a tree is
    refused where there is none, or none any more.

    Parameters
    ----------
    steps
        Post-processors in order, bound to the data.
    mechanism
        What they come after; ``None`` where they process outcomes.
    tree
        The tree over the entities, if there is one.
    where
        The release or decision as an error names it.

    Raises
    ------
    SpecError
        If a step on a tree comes where there is none.
    """
    noise = None if mechanism is None else mechanism.noise()
    on_tree = mechanism is not None and mechanism.measures == "hierarchy"
    for step in steps:
        if step.hierarchical and not on_tree:
            raise SpecError(
                f"{where}: {step.name!r} needs counts of every level",
                hint="give the mechanism a budget per level (levels = {...}), and put "
                "steps on the entities alone after it",
            )
        if on_tree and not (step.hierarchical or step.elementwise):
            on_tree = False
            if noise is not None and tree is not None:
                noise = noise.at(tree.entity_nodes)
        asked = {name: noise for name, what in given(type(step)).items() if what == "noise"}
        informed = attrs.evolve(step, **asked) if asked else step
        noise = None if noise is None else informed.noise_after(noise)
        yield informed
