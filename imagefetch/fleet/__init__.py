"""``scrapy fleet``: one list, many processes, on one machine or many, through Dask.

A list comes in; it is split into shards in a job folder, workers fetch them
(`imagefetch.fleet.worker`), and their rows are merged into one report. The job folder
alone decides what is done: Dask may lose its state. Must not know how a single URL is
fetched.
"""
