"""Middlewares between scheduler, download handler and spider.

Requests come in from the scheduler, responses and errors from the download handler.
Retries, redirects and robots.txt rules are applied, and each outcome is reported to the
scheduler. Must not know the report or where files are stored.
"""
