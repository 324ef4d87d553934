"""What the post-processors that keep a public total have in common."""

from __future__ import annotations

import attrs

import dpaudit


@attrs.frozen(kw_only=True)
class KeepsTotal(dpaudit.PostProcessor):
    """A post-processor with a public total, which it publishes exactly.

    Parameters
    ----------
    total
        The public total, persons; the exact total of the true counts where it is left out.
    """

    total: dpaudit.Total | None = None

    def uncovered(self) -> tuple[str, ...]:
        """Return the total."""
        return ("the total of the counts",)

    def public_sum(self) -> float | None:
        """Return the public total."""
        return self.total

    def public_total(self) -> float:
        """Return the total.

        Raises
        ------
        UsageError
            If neither the audit file nor the engine has filled it in.
        """
        if self.total is None:
            raise dpaudit.UsageError(
                f"the post-processor {self.name!r} has no total",
                hint="give total = NUMBER, or let an audit fill in the total of its counts",
            )
        return self.total
