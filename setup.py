"""For scrapyd-deploy, which builds an egg with this file; the rest is in pyproject.toml."""

from setuptools import setup

setup()
