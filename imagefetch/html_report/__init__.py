"""Writes the HTML report next to the CSV report.

Input: statistics of a run, or a CSV report. Output: one self-contained HTML file, rendered
in a subprocess so that it does not slow the run down. This package must not depend on the
scheduler or the download handler; only the commands and the fleet use it.
"""
