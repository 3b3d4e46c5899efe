"""Parses ``-a only=``, which selects the lines with a row that are fetched again."""

from __future__ import annotations

from dataclasses import dataclass

from imagefetch.errors import BadInput, problems
from imagefetch.output.report.csv_rows import Row
from imagefetch.utils.spelling import did_you_mean

FAILED = "failed"


REASONS = frozenset(cls.reason for cls in problems())
TRANSIENT = frozenset(cls.reason for cls in problems() if cls.transient)

RETRIED = {"408", "425", "429"}
"""Statuses below 500 that are transient, whatever reason a component of the user's gives."""


@dataclass(frozen=True)
class Only:
    """A selection such as ``only=failed,not-found``; empty: no line is fetched again."""

    failed: bool = False
    """Whether to select rows with a transient failure (`may_succeed_later`)."""
    reasons: frozenset[str] = frozenset()
    """Select rows with one of these reasons, whether or not they name a file."""

    @classmethod
    def parse(cls, text: str) -> Only:
        """Parse the argument's value.

        :raises BadInput: naming the first unknown reason
        """
        names = {name.strip().casefold() for name in text.split(",")} - {""}
        for name in sorted(names - REASONS - {FAILED}):
            hint = did_you_mean(name, REASONS | {FAILED})
            raise BadInput(
                f"argument -a only={text}: there is no reason {name}{hint}; must be failed, or "
                "reasons of the report, as only=failed,not-found"
            )
        return cls(FAILED in names, frozenset(names - {FAILED}))

    def __bool__(self) -> bool:
        return self.failed or bool(self.reasons)

    def __str__(self) -> str:
        return ",".join([*[FAILED] * self.failed, *sorted(self.reasons)])

    def selects(self, row: Row) -> bool:
        """Whether the selection includes *row*."""
        return (self.failed and may_succeed_later(row)) or row.reason in self.reasons


NOTHING = Only()


def may_succeed_later(row: Row) -> bool:
    """Whether the row's failure is transient, so that ``only=failed`` selects it."""
    code, reason = row.code, row.reason
    if reason in TRANSIENT:
        return True
    return code.isdigit() and bool(reason) and (code in RETRIED or code.startswith("5"))
