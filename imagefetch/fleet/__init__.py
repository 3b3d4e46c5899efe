"""``scrapy fleet``: fetches one list with many processes on one or more machines, using Dask.

A list comes in. It is split into shards in a job folder, workers fetch the shards
(`imagefetch.fleet.worker`), and their rows are merged into one report, which goes out. Only
the job folder records what is done, since Dask may lose its state. Must not know how a single
URL is fetched.
"""
