"""Your own page objects: one module for each web site, found without being named.

What comes in and goes out is the same as in `imagefetch.pages`, where those that this
project knows are. Must not know more than the page object's own response.
"""
