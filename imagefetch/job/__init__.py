"""One run: locked and made ready; which of its lines are done.

A checked run comes in; a `Job` goes out, with the journal of what earlier runs left. The
report is that journal. Must not know how lines are scheduled or downloaded.
"""
