"""Replaces parts of Scrapy's engine by quicker ones, through its public settings.

Requests come in from Scrapy's engine and go out to the middlewares and the download handler, as
with Scrapy's own components, which these replace. Imports only `imagefetch.utils` and the top
files: it must not know lines, images or the report.
"""
