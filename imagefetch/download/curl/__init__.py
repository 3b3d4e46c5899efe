"""Performs transfers with libcurl.

A transfer comes in: what is sent, and who takes the response. Headers and pieces of the body go
out, and at the end nothing or an error. It must not know of Scrapy, images or files.
"""
