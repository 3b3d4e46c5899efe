"""Helpers of the tests: servers, processes, terminals and browsers on loopback."""
