"""Transfers with libcurl.

A transfer (what is sent, and who takes the response) comes in; headers and pieces of the body go
out, and at the end nothing or an error. It knows nothing of Scrapy, images or files."""
