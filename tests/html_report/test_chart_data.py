"""The charts of a page, and their data."""

from __future__ import annotations

from imagefetch.html_report.chart_data import charts
from imagefetch.stats.run_stats import Figures


def test_a_run_s_last_moment_is_no_peak() -> None:
    """It lasts some hundredths of a second, and may contain a whole image."""
    figures = Figures()
    for _ in range(9):
        figures.series.add(1.0, 1, 100, 1, 0)
    figures.series.add(0.05, 1, 100, 0.05, 0)
    (_, mean), (_, most) = charts(figures)["images"].rows
    assert (mean, most) == ("1.1", "1.9")
    assert charts(figures)["in_flight"].rows == [("mean", "1"), ("maximum", "1")]
