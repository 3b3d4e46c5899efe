"""Runs work in threads, coroutines and subprocesses, and shares file descriptors among them.

Calls come in, results go out. It must not know what is run.
"""
