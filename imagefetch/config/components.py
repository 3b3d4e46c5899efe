"""What a run is put together from: this project's components, and those that a user adds.

A dictionary of components that a user sets, with ``-s``, on Scrapyd or in code, is merged with
this project's: what it names is added, or switched off by None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import load_object

from imagefetch import settings as ours
from imagefetch.errors import BadInput

RANKED = (
    "ADDONS",
    "DOWNLOADER_MIDDLEWARES",
    "SPIDER_MIDDLEWARES",
    "ITEM_PIPELINES",
    "EXTENSIONS",
    "SCRAPY_POET_PROVIDERS",
)
"""Settings that say of each component when its turn comes."""

NAMED = ("DOWNLOAD_HANDLERS", "FEED_EXPORTERS", "FEED_STORAGES")
"""Settings that have a component for each name."""

SINGLE = (
    "SCHEDULER",
    "ITEM_PROCESSOR",
    "DOWNLOADER",
    "LOG_FORMATTER",
    "STATS_CLASS",
    "DUPEFILTER_CLASS",
    "REQUEST_FINGERPRINTER_CLASS",
)
"""Settings that are one component."""

WITH_BASE = {"DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "ITEM_PIPELINES", "EXTENSIONS"}


def merge(settings: BaseSettings) -> None:
    """Put this project's components beside those that stand in *settings*, which go before.

    :raises BadInput: if such a setting is no dictionary
    """
    for name in (*RANKED, *NAMED):
        own, found = getattr(ours, name), dictionary(settings, name)
        key: Callable[[Any], Any] = _identity if name in RANKED else str
        known = {key(component) for component in found}
        kept = {component: at for component, at in own.items() if key(component) not in known}
        # Above what it replaces: a process that is given a crawler applies its settings again.
        settings.set(name, {**kept, **found}, priority=(settings.getpriority(name) or 0) + 1)


def component_of(settings: BaseSettings, modules: set[str]) -> str | None:
    """Say which component that the user added is of one of *modules*; None if none is."""
    for setting in (*RANKED, *NAMED, *SINGLE):
        for name, component in load(settings, setting):
            module = getattr(component, "__module__", "")
            if module in modules and module.partition(".")[0] not in {"scrapy", "imagefetch"}:
                return f"setting {setting}: {name if setting in RANKED else settings[setting]}"
    return None


def changed(settings: BaseSettings) -> list[str]:
    """Return the settings of components that neither Scrapy nor this project gave their value."""
    own = SETTINGS_PRIORITIES["project"] + 1  # of what was merged
    names = (*RANKED, *NAMED, *SINGLE)
    return [name for name in names if (settings.getpriority(name) or 0) > own]


def load(settings: BaseSettings, setting: str) -> Iterator[tuple[Any, Any]]:
    """Yield the components of *setting* that are switched on, each with its key.

    :raises BadInput: if one can't be imported
    """
    key: Any
    for key, value in _switched_on(settings, setting):
        try:
            yield key, load_object(value)
        except Exception as error:  # whatever the module does as it is imported
            where = f"{setting}[{key!r}]" if setting in NAMED else setting
            raise BadInput(
                f"setting {where} = {_shown(value)}: can't be imported: "
                f"{type(error).__name__}: {' '.join(str(error).split())}"
            ) from error


def _switched_on(settings: BaseSettings, setting: str) -> list[tuple[Any, Any]]:
    if setting in SINGLE:
        return [(setting, settings[setting])]
    if setting in NAMED:
        both = {**dictionary(settings, f"{setting}_BASE"), **dictionary(settings, setting)}
        return [(name, value) for name, value in both.items() if value is not None]
    try:
        if setting in WITH_BASE:
            components = settings.get_component_priority_dict_with_base(setting)
            return [(path, path) for path in build_component_list(components)]
        return [(path, path) for path in build_component_list(dictionary(settings, setting))]
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"setting {setting}: {' '.join(str(error).split())}") from error


def dictionary(settings: BaseSettings, name: str) -> dict[Any, Any]:
    """:raises BadInput: if the setting is no dictionary"""
    try:
        return settings.getdict(name)
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"setting {name} = {settings[name]!r}: must be a dictionary, or JSON for one: "
            '{"path.of.Component": 500}'
        ) from error


def _identity(component: Any) -> Any:
    """Return the same for a class and for its path."""
    if isinstance(component, str):
        return component
    return f"{getattr(component, '__module__', '')}.{getattr(component, '__qualname__', component)}"


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else _identity(value)
