"""Settings and arguments of a run: read, checked, and turned into values.

What a user wrote comes in, on the command line, in settings or on Scrapyd; values in
their units go out, or one clear line about what is wrong. Nothing is written. Must not
know what earlier runs left, nor how lines are fetched.
"""
