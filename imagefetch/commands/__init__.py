"""Commands of ``scrapy`` that this project adds or refines: one file each.

Command-line arguments come in; an exit status and at most one line on standard error go
out. Every ``scrapy`` call imports every file here, so that what only one command needs
is imported when it runs. No other room imports this one.
"""
