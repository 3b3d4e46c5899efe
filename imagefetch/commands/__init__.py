"""Commands that this project adds to ``scrapy`` or changes, one module each.

Command-line arguments come in; an exit status and at most one line on standard error go
out. Every ``scrapy`` call imports every module here, so a command imports what only it
needs when it runs. No other package imports this one.
"""
