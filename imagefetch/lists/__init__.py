"""Reads lists of URLs, and tables with columns of URLs.

In: a path, standard input or an http(s) address. Out: numbered lines with the carried columns,
read lazily. Lists that are not files are first copied into the report's folder. Must not know
which lines are done or what is made of them.
"""
