"""The settings of a folder, as the module that SCRAPY_SETTINGS_MODULE names.

From the bottom to the top: those of `imagefetch.settings`, of ``imagefetch.toml``, and of the
Scrapy project in the folder. What is given on the command line overrides them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from imagefetch import settings
from imagefetch.cli.config_file import CONFIG, read_config
from imagefetch.cli.project import PROJECT

KEPT = {"COMMANDS_MODULE"}
"""Settings of a project that don't override ours: its commands are not run here."""


def named(module: Any) -> dict[str, Any]:
    """Return the settings in *module*."""
    return {name: value for name, value in vars(module).items() if name.isupper()}


def layered(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings in force, from the files that *environment* names."""
    found = named(settings)
    if config := environment.get(CONFIG):
        found |= read_config(Path(config))
    if project := environment.get(PROJECT):
        theirs = {k: v for k, v in named(import_module(project)).items() if k not in KEPT}
        spiders = [*settings.SPIDER_MODULES, *theirs.get("SPIDER_MODULES", [])]
        found |= {**theirs, "SPIDER_MODULES": list(dict.fromkeys(spiders))}
    return found


globals().update(layered(os.environ))
