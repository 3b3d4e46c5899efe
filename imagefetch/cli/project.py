"""Finds the settings that are in force in a folder, and hands a command over to ``scrapy``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from imagefetch.cli.config_file import CONFIG, check_config, config_arguments, find_config
from imagefetch.errors import BadInput
from imagefetch.utils import program

MODULE = "SCRAPY_SETTINGS_MODULE"
"""Environment variable that names the module of settings; subprocesses inherit it."""

PROJECT = "IMAGEFETCH_PROJECT"
"""Environment variable that names the settings of the Scrapy project in this folder."""

OWN = "imagefetch.settings"
LAYERS = "imagefetch.cli.layers"


def choose_settings(config: str | None, *, layers: bool = True) -> None:
    """Let Scrapy read the settings of this folder: those of imagefetch, of *config* or
    ``imagefetch.toml``, and of the Scrapy project, each before those that it overrides.

    Without *layers*, only those of imagefetch.

    :raises BadInput: if the file is not valid
    """
    for name in (CONFIG, PROJECT):
        os.environ.pop(name, None)
    project = _project() if layers else OWN
    path = find_config(config) if layers else None
    if path is not None:
        check_config(path)
        os.environ[CONFIG] = str(path)
    if project not in {OWN, LAYERS}:
        check_project(project)
        os.environ[PROJECT] = project
    os.environ[MODULE] = OWN if path is None and PROJECT not in os.environ else LAYERS


def check_project(module: str) -> None:
    """:raises BadInput: if *module* can't be imported"""
    try:
        import_module(module)
    except (ImportError, SyntaxError) as error:
        raise BadInput(
            f"{module}, the settings of the Scrapy project here: can't be imported: {error}"
        ) from error


def for_other_machines() -> list[str]:
    """Return the settings of the file in force as ``-s`` arguments: machines of a fleet don't
    have it."""
    path = os.environ.get(CONFIG)
    return config_arguments(Path(path)) if path and PROJECT not in os.environ else []


def _project() -> str:
    """Return the module of settings of the Scrapy project in this folder or above it; `OWN` if
    there is none."""
    from scrapy.utils.conf import closest_scrapy_cfg, init_env

    if os.environ.get(MODULE, LAYERS) == LAYERS:  # none is given, or it is that of another run
        init_env(os.environ.get("SCRAPY_PROJECT", "default"))
        if cfg := closest_scrapy_cfg():  # subprocesses import the project, too
            paths = [str(Path(cfg).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
            os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    return os.environ.get(MODULE, OWN)


def hand_over(words: Sequence[str], config: str | None) -> NoReturn:
    """Run ``scrapy`` with *words* and exit with its status; *config* is the file of settings."""
    from scrapy.cmdline import execute

    program.started_as_imagefetch(*(("--config", str(Path(config).absolute())) if config else ()))
    execute(["scrapy", *words])
    sys.exit(0)
