"""Merges this project's Scrapy components with those that the user adds, and loads them.

A dictionary of components that the user sets, with ``-s``, on Scrapyd or in code, is merged
with this project's dictionary. Its entries are added; an entry of None disables a component.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import load_object

from imagefetch.errors import BadInput

RANKED = (
    "ADDONS",
    "DOWNLOADER_MIDDLEWARES",
    "SPIDER_MIDDLEWARES",
    "ITEM_PIPELINES",
    "EXTENSIONS",
    "SCRAPY_POET_PROVIDERS",
)
"""Settings that map each component to its order."""

NAMED = ("DOWNLOAD_HANDLERS", "FEED_EXPORTERS", "FEED_STORAGES")
"""Settings that map a name (URL scheme, feed format) to a component."""

SINGLE = (
    "SCHEDULER",
    "ITEM_PROCESSOR",
    "DOWNLOADER",
    "LOG_FORMATTER",
    "STATS_CLASS",
    "DUPEFILTER_CLASS",
    "REQUEST_FINGERPRINTER_CLASS",
)
"""Settings that name a single component."""

WITH_BASE = {"DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "ITEM_PIPELINES", "EXTENSIONS"}


def merge(settings: BaseSettings) -> None:
    """Add this project's components to those in *settings*, which take precedence.

    :raises BadInput: if such a setting is not a dictionary
    """
    from imagefetch import settings as ours  # which may have changed since this module was loaded

    for name in (*RANKED, *NAMED):
        own, added = getattr(ours, name), dictionary(settings, name)
        key: Callable[[Any], Any] = _import_path if name in RANKED else str
        known = {key(component) for component in added}
        kept = {component: order for component, order in own.items() if key(component) not in known}
        # With a higher priority than the value it replaces: CrawlerProcess applies the
        # settings again when it is given a crawler.
        settings.set(name, {**kept, **added}, priority=(settings.getpriority(name) or 0) + 1)


def component_of(settings: BaseSettings, modules: set[str]) -> str | None:
    """Return the setting and name of a user's component that one of *modules* defines, or None."""
    for setting in (*RANKED, *NAMED, *SINGLE):
        for name, component in load(settings, setting):
            module = getattr(component, "__module__", "")
            if module in modules and module.partition(".")[0] not in {"scrapy", "imagefetch"}:
                return f"setting {setting}: {name if setting in RANKED else settings[setting]}"
    return None


def changed(settings: BaseSettings) -> list[str]:
    """Return the component settings whose values the user set."""
    own = SETTINGS_PRIORITIES["project"] + 1  # the priority that merge() sets
    names = (*RANKED, *NAMED, *SINGLE)
    return [name for name in names if (settings.getpriority(name) or 0) > own]


def load(settings: BaseSettings, setting: str) -> Iterator[tuple[Any, Any]]:
    """Yield each enabled component of *setting*, with its key.

    :raises BadInput: if a component can't be imported
    """
    key: Any
    for key, value in _enabled(settings, setting):
        try:
            yield key, load_object(value)
        except Exception as error:  # importing a module can raise anything
            where = f"{setting}[{key!r}]" if setting in NAMED else setting
            raise BadInput(
                f"setting {where} = {_shown(value)}: can't be imported: "
                f"{type(error).__name__}: {' '.join(str(error).split())}"
            ) from error


def _enabled(settings: BaseSettings, setting: str) -> list[tuple[Any, Any]]:
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
    """Return the setting as a dictionary.

    :raises BadInput: if it is not a dictionary
    """
    try:
        return settings.getdict(name)
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"setting {name} = {settings[name]!r}: must be a dictionary, or JSON for one: "
            '{"path.of.Component": 500}'
        ) from error


def _import_path(component: Any) -> Any:
    """Return the import path of a component, whether given as a class or as a path."""
    if isinstance(component, str):
        return component
    return f"{getattr(component, '__module__', '')}.{getattr(component, '__qualname__', component)}"


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else _import_path(value)
