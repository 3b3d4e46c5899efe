"""Selects which request is sent next, and when.

Lines and requests come in. Requests go out within adaptive per-host limits and after
retry delays; circuit breakers block hosts that can't be reached. Imports only
`imagefetch.utils` and the top files: it must not know how a request is downloaded or
what its response holds.
"""
