"""For scrapyd-deploy, which builds an egg with this file; what it holds stands in pyproject.toml."""

from setuptools import setup

setup()
