"""Collects a run's statistics, and shows them on a terminal, in the log and as Scrapy stats.

Input: report rows, download timings and the scheduler's state. Output: statistics in
bounded memory. This package must not depend on the HTML report.
"""
