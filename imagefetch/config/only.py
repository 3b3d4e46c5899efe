"""``-a only=``: which lines that have a row are fetched again."""

from __future__ import annotations

from dataclasses import dataclass

from imagefetch.errors import BadInput, problems
from imagefetch.output.csv_rows import Row
from imagefetch.utils.spelling import did_you_mean

FAILED = "failed"


REASONS = frozenset(cls.reason for cls in problems())
TRANSIENT = frozenset(cls.reason for cls in problems() if cls.transient)


@dataclass(frozen=True)
class Only:
    """``only=failed,not-found``; without anything, no line is fetched again."""

    failed: bool = False
    """What failed and may succeed now."""
    reasons: frozenset[str] = frozenset()
    """Rows with one of these reasons, also beside a file."""

    @classmethod
    def parse(cls, text: str) -> Only:
        """:raises BadInput: naming the word that is no reason"""
        words = {word.strip().casefold() for word in text.split(",")} - {""}
        for word in sorted(words - REASONS - {FAILED}):
            hint = did_you_mean(word, REASONS | {FAILED})
            raise BadInput(
                f"argument -a only={text}: there is no reason {word}{hint}; must be failed, or "
                "reasons of the report, as only=failed,not-found"
            )
        return cls(FAILED in words, frozenset(words - {FAILED}))

    def __bool__(self) -> bool:
        return self.failed or bool(self.reasons)

    def __str__(self) -> str:
        return ",".join([*[FAILED] * self.failed, *sorted(self.reasons)])

    def wants(self, row: Row) -> bool:
        """Whether the line of *row* is fetched again."""
        return (self.failed and may_succeed_later(row)) or row.cells[-1] in self.reasons


NOTHING = Only()


def may_succeed_later(row: Row) -> bool:
    """Whether ``only=failed`` fetches the row's line again."""
    code, reason = row.cells[1], row.cells[-1]
    if code.isdigit() and reason:
        return code in {"408", "425", "429"} or code.startswith("5")
    return reason in TRANSIENT
