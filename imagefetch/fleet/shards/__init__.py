"""Divides a list into shards, and merges the rows of shards in the order of the list.

A list comes in; files of lines and of rows go out, and the other way round, in bounded memory.
Must not know Dask, the job folder or how a shard is fetched.
"""
