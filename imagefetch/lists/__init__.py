"""Reads lists of URLs.

A path, standard input or an http(s) address comes in; numbered lines go out, read
lazily. Lists that are not files are copied beside the report first. Must not know
which lines are done, nor what is made of them.
"""
