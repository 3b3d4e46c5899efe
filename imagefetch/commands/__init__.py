"""Verbs of the ``scrapy`` command that this project adds or refines: one file a verb."""
