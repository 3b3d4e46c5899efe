"""Your own page objects: one module for each web site, imported automatically.

Input and output are those of `imagefetch.pages`, which holds the page objects of the
project. They must not know more than the page object's own response.
"""
