"""What a report that may leave the house says of where its numbers come from."""

from __future__ import annotations

from dpaudit.errors import UsageError
from dpaudit.model.report import Block, Heading, Paragraph
from dpaudit.model.results import Results
from dpaudit.report.prose import Prose
from dpaudit.report.wording import Context


def banner(results: Results, _: Prose) -> str:
    """Return what every page says: that it is confidential, or what stands in for the counts."""
    if results.data.status == "confidential":
        return _("Confidential: made from confidential data, not for release")
    mode = results.spec.public.mode if results.spec.public else None
    if mode == "proxy":
        return _("Made from public stand-in data, not from the confidential counts")
    if mode == "release":
        return _("Plug-in: estimated from the published release, not from the true counts")
    return ""


def made_from(context: Context) -> tuple[str, ...]:
    """Return the sentences that say what a public report takes for the true counts."""
    _, results = context.prose, context.results
    public = results.spec.public
    if public is None:
        return ()
    source = results.data.source
    if public.mode == "proxy":
        return (
            _(
                "The confidential counts were not read. Public data ({source}) stand in for them, "
                "and “true counts” means theirs throughout.",
                source=source,
            ),
            _(
                "The confidential counts may lose or gain more or less than the stand-in does, "
                "where the two differ."
            ),
        )
    return (
        _(
            "The confidential counts were not read. The published release ({source}) is taken for "
            "them, with negative counts as 0 and fractions rounded, and “true counts” means its "
            "counts throughout: a plug-in estimate.",
            source=source,
        ),
        _(
            "A plug-in estimate is too high where the release was noisy and counts are small. Its "
            "intervals come from {count} releases drawn from the published one and measured "
            "again.",
            count=_.whole(public.bootstrap),
        ),
    )


def aside(context: Context) -> tuple[Block, ...]:
    """Return what page one says of it."""
    said = made_from(context)
    if not said:
        return ()
    heading = Heading(text=context.prose("What the numbers are made of"))
    return (heading, *(Paragraph(text=text) for text in said[:1]))


def check_public(results: Results) -> None:
    """Refuse to write a public report of confidential data.

    Raises
    ------
    UsageError
        Naming the three ways to make one.
    """
    internal = [m for m in results.measurements if m.discloses == "internal"]
    if internal:
        raise UsageError(
            f"{len(internal):,} statistics are computed from confidential records and protected by "
            f"nothing, {internal[0].quantity!r} of {internal[0].task!r} first",
            hint="leave --public out and keep the report in the house, or audit public data",
        )
    if results.data.status != "confidential":
        return
    if results.learners or results.attacks:
        raise UsageError(
            "these results are made from confidential data, and public modes do not cover "
            + ("audits of learners" if results.learners else "attacks"),
            hint="leave --public out and keep the report in the house",
        )
    raise UsageError(
        "these results hold confidential counts (data.status)",
        hint='load the audit with public="proxy", "release" or "dp" (on the command line: '
        "--public proxy, release or dp)",
    )
