"""Downloader middlewares: what happens between scheduler and download handler.

Requests come in on their way down, responses and errors on their way up; retries,
redirects and robots.txt rules are applied, and the scheduler is told each outcome.
Must not know the report or where files are stored.
"""
