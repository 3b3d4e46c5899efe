"""Fetches one shard of the list on a worker of the fleet.

A `Task` comes in; a report with the shard's rows goes out into the job folder. Each
attempt runs ``scrapy crawl images`` in a subprocess. Must not know the other shards or
how they are scheduled.
"""
