"""Prepares a run: locks the report, repairs it, and reads which lines are done.

In: a validated run. Out: a `Job`, with the journal of earlier runs; the report is that
journal. Must not know how lines are scheduled or downloaded.
"""
