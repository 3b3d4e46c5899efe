"""Validates the values of settings: those of this project, and those of Scrapy.

Values as users write them come in; numbers, switches and lists go out, or an error that names the
setting. It must not know of files or components.
"""
