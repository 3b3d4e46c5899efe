"""What a worker of the fleet does: fetches one shard of the list.

A `Task` comes in; a report of the shard's rows goes out into the job folder. Each
attempt runs ``scrapy crawl images`` in a subprocess. Must not know the other shards or
how they are handed out.
"""
