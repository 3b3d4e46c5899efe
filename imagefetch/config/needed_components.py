"""Checks that the components which a run depends on are enabled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object

from imagefetch.addons import REPORT_FEED
from imagefetch.config.components import NAMED, RANKED, SINGLE, dictionary, load
from imagefetch.errors import BadInput


class Needed(NamedTuple):
    """A component without which lines would get no row, or rows no file."""

    setting: str
    path: str
    """Import path of its class; a subclass is accepted."""
    task: str
    """What it does, as the end of "which …"."""
    name: str | None = None
    """Its key, in a setting of `NAMED`."""


REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"

HANDLER = "imagefetch.download.handler.StreamingDownloadHandler"
STORAGE = "imagefetch.output.report.exporter.ReportStorage"

NEEDED = (
    Needed("ADDONS", "imagefetch.addons.ReportAddon", "enables the report"),
    Needed("SCHEDULER", "imagefetch.scheduling.scheduler.HostScheduler", "schedules the requests"),
    Needed("DOWNLOADER", "scrapy.core.downloader.Downloader", "sends the requests"),
    Needed("DOWNLOAD_HANDLERS", HANDLER, "writes bodies to disk", "http"),
    Needed("DOWNLOAD_HANDLERS", HANDLER, "writes bodies to disk", "https"),
    Needed(
        "DOWNLOADER_MIDDLEWARES",
        "imagefetch.middlewares.short_circuit.ShortCircuitMiddleware",
        "ends lines that need no download",
    ),
    Needed(
        "DOWNLOADER_MIDDLEWARES",
        "imagefetch.middlewares.page_injection.PageMiddleware",
        "checks the response",
    ),
    Needed(
        "DOWNLOADER_MIDDLEWARES",
        "imagefetch.middlewares.feedback.FeedbackMiddleware",
        "reports the outcome of requests",
    ),
    Needed(
        "SCRAPY_POET_PROVIDERS",
        "imagefetch.pages.image_response.ImageResponseProvider",
        "provides the input of page objects",
    ),
    Needed(
        "SPIDER_MIDDLEWARES",
        "imagefetch.middlewares.output_guard.OutputGuard",
        "keeps records from being lost",
    ),
    Needed(
        "ITEM_PROCESSOR",
        "imagefetch.item_processor.RecordProcessor",
        "keeps the rows of dropped items",
    ),
    Needed("ITEM_PIPELINES", "imagefetch.pipelines.ImageFilesPipeline", "stores the pictures"),
    Needed("EXTENSIONS", "scrapy.extensions.feedexport.FeedExporter", "writes the report"),
    Needed("EXTENSIONS", "imagefetch.stats.recorder.Recorder", "counts the results"),
    Needed(
        "FEED_EXPORTERS",
        "imagefetch.output.report.exporter.ReportExporter",
        "writes the rows",
        "report",
    ),
    Needed("FEED_STORAGES", STORAGE, "opens the report", ""),
    Needed("FEED_STORAGES", STORAGE, "opens the report", "file"),
)


def check_components(settings: BaseSettings) -> None:
    """Check that every component can be imported and that every needed one is enabled.

    :raises BadInput: naming the setting, its value and what is wrong
    """
    loaded = {name: dict(load(settings, name)) for name in (*RANKED, *NAMED, *SINGLE)}
    for needed in NEEDED:
        enabled = loaded[needed.setting]
        if needed.name is not None:
            enabled = {needed.name: enabled.get(needed.name)}
        wanted = load_object(needed.path)
        if not any(_is_a(component, wanted) for component in enabled.values()):
            value = _value(settings, needed)
            raise BadInput(
                f"setting {_where(needed)} = {value!r}: lines would be lost without {needed.path} "
                f"or a subclass of it, which {needed.task}"
            )
    reactor = settings["TWISTED_REACTOR"]
    if settings.getbool("TWISTED_REACTOR_ENABLED") and reactor != REACTOR:
        raise BadInput(f"setting TWISTED_REACTOR = {reactor!r}: must be {REACTOR}")


def check_built(crawler: Crawler) -> None:
    """Check that every needed component was built and that no add-on has removed it.

    :raises BadInput: naming the setting, its value and what is missing
    """
    settings, engine = crawler.settings, crawler.engine
    check_components(settings)
    look_up: dict[str, Callable[[type], Any]] = {
        "DOWNLOADER_MIDDLEWARES": crawler.get_downloader_middleware,
        "ITEM_PIPELINES": crawler.get_item_pipeline,
        "EXTENSIONS": crawler.get_extension,
        "ITEM_PROCESSOR": lambda wanted: _is_a(type(engine.scraper.itemproc), wanted),
        "SCHEDULER": lambda wanted: _is_a(type(engine.scheduler), wanted),
    }
    for needed in NEEDED:
        find = look_up.get(needed.setting)
        if find is not None and not find(load_object(needed.path)):
            feeds = "; see FEEDS, -o and -O" if "feedexport" in needed.path else ""
            raise BadInput(
                f"setting {_where(needed)}: the component that {needed.task} was not built with "
                f"these settings; the log may say why{feeds}"
            )
    feeds_set = settings.getdict("FEEDS")
    if any(feeds_set.get(uri) != options for uri, options in REPORT_FEED.items()):
        raise BadInput(
            f"setting FEEDS = {feeds_set!r}: the report's feed is missing or changed; restore it"
        )


def _where(needed: Needed) -> str:
    if needed.setting in SINGLE:
        return needed.setting
    return f"{needed.setting}[{needed.path if needed.name is None else needed.name!r}]"


def _value(settings: BaseSettings, needed: Needed) -> Any:
    if needed.setting in SINGLE:
        return settings[needed.setting]
    key = needed.path if needed.name is None else needed.name
    return dictionary(settings, needed.setting).get(key)


def _is_a(component: Any, wanted: type) -> bool:
    # Not issubclass: Scrapy's scheduler metaclass accepts any class with a scheduler's methods.
    return wanted in getattr(component, "__mro__", ())
