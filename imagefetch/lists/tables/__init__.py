"""Reads lists that are tables: CSV, TSV, JSON Lines, Parquet and Arrow.

A file comes in; records go out, with the URLs in their cells and the columns that the report
carries. It must not know how a list is found or stored.
"""
