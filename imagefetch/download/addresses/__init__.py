"""Decides where a request connects to: host names, addresses, proxies.

A request comes in; the addresses that it may connect to go out. Nothing here sends or receives.
"""
