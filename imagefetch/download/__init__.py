"""The download handler: sends requests and streams response bodies into files.

Takes a Scrapy request; returns a response that names a partial file, or raises an error of
`imagefetch.errors`. Knows nothing of the list, of retries, of other requests or of the
report.
"""
