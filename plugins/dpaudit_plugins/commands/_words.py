"""What the report on papers says of itself, whatever was found."""

from __future__ import annotations

WHY = """
A tool that audits others should be held to what is known. So every result of the literature that
it was made from, as far as data can be had, is measured here by one command and compared with what
was printed.
"""

HOW_TO_READ = """
Each part below opens with a table: what is stated and where, the paper's figure, the figure here
with its interval and method, and the verdict. A verdict follows from a rule that is written beside
the paper's figure. Tolerances and settings that no paper states were chosen with early measurements
in view, so a verdict says that a result holds there, and not how often it would elsewhere.
"""

FAST = """
This is the fast run: fewer draws and fewer trained models than the full one, and so wider
intervals.
"""

PATTERN = """
Of {count} the pattern is reproduced: the order or direction that the paper reports holds, while its
figures belong to other data or other settings.
"""

NOT = """
{count} are not reproduced. Each has its reason beside it: a misprint, sampling noise taken for a
result, a statement that is true of other cases only, or a game that is not the one that was named.
"""

METHODS = """
Every figure under Here was measured by an audit file of this project in the run that made this
report; none is stored. The audit files stand in the folder of the results, with the rule of every
verdict beside the paper's figure.

Reproduced: every figure agrees with the paper's to its last printed digit, or to the tolerance that
the rule states, and every comparison that the paper makes holds. A figure agrees where the interval
here reaches the paper's.

Pattern reproduced: the comparisons hold (which is larger, which way it moves), while figures differ
or cannot be compared, because data or settings are others.

Not reproduced: a comparison does not hold, or the intervals leave it open, or figures differ and
there is no comparison. The reason stands below the table.

Intervals are of the level that each audit states (95% unless said otherwise); numbers computed from
several of them have the interval that all parts together allow. Numbers by formula or integral have
no sampling error.
"""


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the paragraphs of a text, each on one line."""
    return tuple(" ".join(part.split()) for part in text.strip().split("\n\n"))


def sentence(text: str, **values: object) -> str:
    """Return a text on one line with its places filled in."""
    return " ".join(text.format(**values).split())
