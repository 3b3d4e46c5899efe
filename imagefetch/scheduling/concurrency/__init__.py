"""Limits the concurrent requests of each host.

Outcomes and latencies of requests come in, the limit of each host goes out: adaptive, or as the
user set it. It must not know requests, responses or the report."""
