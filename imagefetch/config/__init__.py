"""Reads and validates the settings and command-line arguments of a run.

In: what the user set on the command line, in settings or on Scrapyd. Out: values in
their units, or a one-line error. Writes nothing. Must not know what earlier runs left
or how lines are fetched.
"""
