"""Decides which request is sent next, and when.

Lines and requests come in; requests go out, within per-host limits that adapt to what
servers take, after retry delays, and around hosts that can't be reached. Imports only
`imagefetch.utils` and the top files: it must not know how a request is downloaded or
what its response holds.
"""
