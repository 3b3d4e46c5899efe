"""Writes and reads the rows of REPORT.csv, and the files of feeds.

Items come in; rows go out, and rows that were written earlier. It must not know which lines are
left to fetch.
"""
