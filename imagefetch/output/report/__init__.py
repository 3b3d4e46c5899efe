"""Writes and reads the rows of REPORT.csv, and the files of feeds."""
