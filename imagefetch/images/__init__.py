"""Reads image files and decides which are kept.

A file's first bytes come in; its type, size and completeness go out, or the error by
which it is rejected. Whole images are decoded in subprocesses. Knows nothing of
requests, of the report or of where files are stored.
"""
