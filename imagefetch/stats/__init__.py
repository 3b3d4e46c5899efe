"""Counts what a run does, and shows it: on a terminal, in the log, as Scrapy stats.

Rows, timings and the scheduler's state come in; figures of bounded size go out. Must
not know how the HTML report shows them.
"""
