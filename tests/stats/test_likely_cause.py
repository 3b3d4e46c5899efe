"""The warning of a run that kept no image or nearly none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imagefetch import errors
from imagefetch.items import ImageRecord
from imagefetch.stats.likely_cause import FEWEST, HINTS, likely_cause
from imagefetch.stats.run_stats import Figures

KEPT = ImageRecord("http://a.example/1.jpg", "200", 1, "1.jpg", 5, "image/jpeg", 1, 1, "ab", 1, 0.2)


def figures(kept: int, **reasons: int) -> Figures:
    """Return the statistics of *kept* rows with a file, and of rows without one by reason."""
    made = Figures()
    for _ in range(kept):
        made.add(KEPT, "a.example")
    for reason, number in reasons.items():
        record = replace(KEPT, file="", reason=reason.replace("_", "-"))
        for _ in range(number):
            made.add(record, "a.example")
    return made


@pytest.mark.parametrize("problem", list(errors.problems()), ids=lambda cls: cls.reason)
def test_each_reason_has_a_cause(problem: type[errors.Problem]) -> None:
    """If all lines have the same reason, the warning says what to do, in one line."""
    warning = likely_cause(figures(0, **{problem.reason: 3}))
    assert warning is not None
    assert warning.startswith(
        f"No picture was kept: all of 3 lines: {problem.reason}. Most likely: "
    )
    assert HINTS.get(problem, problem.advice.replace("`", "")) in warning
    assert "\n" not in warning


def test_one_reason_of_nearly_all_lines_is_reported() -> None:
    """Even if some images were kept; with few lines it may be chance."""
    warning = likely_cause(figures(1, unauthorized=99))
    assert warning is not None
    assert warning.startswith("99 of 100 lines: unauthorized. Most likely: ")
    assert "DEFAULT_REQUEST_HEADERS" in warning
    assert likely_cause(figures(1, unauthorized=FEWEST - 2)) is None
    assert likely_cause(figures(50, unauthorized=50)) is None


def test_no_warning_if_nothing_is_wrong() -> None:
    """There is no warning, nor for a run without lines."""
    assert likely_cause(figures(5)) is None
    assert likely_cause(figures(0)) is None


def test_many_reasons_name_the_most_frequent() -> None:
    """If no image was kept, the warning names the most frequent reason."""
    warning = likely_cause(figures(0, not_found=5, unauthorized=6))
    assert warning is not None
    assert warning.startswith("No picture was kept: 6 of 11 lines: unauthorized. ")
