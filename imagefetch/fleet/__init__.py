"""``scrapy fleet``: one list, many processes, on one machine or many, by way of Dask.

The list is split into shards in a job folder (`split`); a shard is one task, done
by ``scrapy crawl images`` in a process beside the worker (`attempt`); the rows of
all shards become one report (`merge`). What is in the job folder decides what is
done: Dask may forget everything.
"""
