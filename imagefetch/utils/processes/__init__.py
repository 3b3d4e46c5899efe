"""Threads, subprocesses and coroutines, and what a process has of descriptors."""
