"""``imagefetch.toml``: settings in a file, one ``NAME = value`` each."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from imagefetch.errors import BadInput

NAME = "imagefetch.toml"

CONFIG = "IMAGEFETCH_CONFIG"
"""Environment variable with the path of the file that is in force; subprocesses inherit it."""


def find_config(given: str | None) -> Path | None:
    """Return the path of the file *given*, else of the one in this folder; None without one.

    :raises BadInput: if the file given does not exist
    """
    path = Path(NAME if given is None else given).expanduser().absolute()
    if path.is_file():
        return path
    if given is not None:
        raise BadInput(f"option --config {given}: there is no such file")
    return None


def read_config(path: Path) -> dict[str, Any]:
    """Return the settings in the file at *path*.

    :raises BadInput: if it can't be read, or is not TOML
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{path}: is not valid TOML: {error}") from error


def check_config(path: Path) -> None:
    """Check the names in the file at *path*; a run checks their values.

    :raises BadInput: naming the first that is no setting of imagefetch or Scrapy
    """
    from scrapy.settings import default_settings

    from imagefetch import settings
    from imagefetch.config.rules.setting_rules import RULES
    from imagefetch.utils.spelling import did_you_mean

    known = {name for module in (settings, default_settings) for name in vars(module)}
    known = {name for name in known if name.isupper()}
    for name in read_config(path):
        if name not in known:
            hint = did_you_mean(name, RULES) or did_you_mean(name, known)
            raise BadInput(f"{path}: {name}: there is no such setting{hint}")


def config_arguments(path: Path) -> list[str]:
    """Return the settings in the file at *path* as ``-s NAME=VALUE``."""
    arguments = []
    for name, value in read_config(path).items():
        text = json.dumps(value) if isinstance(value, dict) else str(value)
        arguments += ["-s", f"{name}={text}"]
    return arguments
