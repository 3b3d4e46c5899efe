"""Which charts a page has, and what they tell."""

from __future__ import annotations

from imagefetch.html_report.chart_data import charts
from imagefetch.stats.run_stats import Figures


def test_a_run_s_last_moment_is_no_peak() -> None:
    """It is over after some hundredths of a second, into which a whole picture may fall."""
    figures = Figures()
    for _ in range(9):
        figures.series.add(1.0, 1, 100, 1, 0)
    figures.series.add(0.05, 1, 100, 0.05, 0)
    (_, mean), (_, most) = charts(figures)["images"].rows
    assert (mean, most) == ("1.1", "1.9")
    assert charts(figures)["under_way"].rows == [("mean", "1"), ("most", "1")]
