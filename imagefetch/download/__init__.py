"""The download handler: sends requests and streams response bodies into files.

A Scrapy request comes in; a response that names a partial file, or an error of
`imagefetch.errors`, goes out. Knows nothing of the list, of retries, of other requests
or of the report.
"""
