"""Validates the values of settings: those of this project, and of Scrapy."""
