"""Defines the settings of imagefetch, in the order in which data flows.

The first part holds the settings for users, each with its unit and meaning.
`imagefetch.config.rules.setting_rules` defines the allowed values,
`imagefetch.config.rules.setting_values` how they may be written: "10k", "1G" (decimal),
"10MiB" (binary), "2m" (seconds), "yes".
The second part selects Scrapy components. Scrapy's other settings keep their defaults:
https://docs.scrapy.org/en/latest/topics/settings.html
"""

from imagefetch import __version__

# --- Settings for users -----------------------------------------------------

# The list: a path, an http or https address, or "-" for standard input.
# -a urls= overrides it.
INPUT_URLS = "urls.txt"

# Maximum bytes of a list from an address or standard input, as sent and as
# decoded. Ten million lines are one or two gigabytes. 0: no limit.
INPUT_URLS_MAXSIZE = 4 * 1024**3

# Format of the list: "lines" (one URL a line), "csv", "tsv", "json", "jsonl", "parquet" or
# "arrow"; "auto": detected from its name and its first records.
LIST_FORMAT = "auto"

# Columns of a table that hold URLs: names, or patterns such as "image_*". "auto": the one
# that has a usual name (url, image_url, images, link, …) and holds URLs.
URL_COLUMNS = ["auto"]

# What separates several URLs in a cell that is no JSON array. "auto": white space, "|", ";"
# or ",", if every piece is a URL. "none": a cell is one URL.
URL_SEPARATOR = "auto"

# Other columns of the table that the report carries: names or patterns, "all" or "none".
CARRY_COLUMNS = ["all"]

# Whether URLs are repaired where only one reading makes sense: "&amp;" for "&", a missing
# scheme, quotes around a URL. The report has them as they are in the list.
REPAIR_URLS = True

# Lines of a shard, which one process of `scrapy fleet` fetches at a time.
# Shards are smaller if that keeps every worker busy.
SHARD_SIZE = 10_000

# Lines read in advance. The list is read further only while no line read so far
# may be sent, for example because the list is sorted by host.
LOOKAHEAD = 1_000

# Maximum requests in flight, in total and to one host. The limit per host is half
# of the total, so that no host can use all slots. A free slot is reused at once.
# More requests need more memory: up to half a megabyte each if images are large.
CONCURRENT_REQUESTS = 256
CONCURRENT_REQUESTS_PER_DOMAIN = 128

# Whether imagefetch finds a limit for each host, within the limits above: the
# number of concurrent requests beyond which the host refuses some, or sends no
# more responses per second. It does not apply to hosts whose rate you set by DOWNLOAD_DELAY,
# DOWNLOAD_SLOTS or AutoThrottle.
PACE_ENABLED = True

# Seconds between two requests to one host.
DOWNLOAD_DELAY = 0

# The User-Agent header. Identify yourself: servers refuse clients that hide who they are.
# CONTACT, a mail or web address for the operators of the servers, is appended:
# "imagefetch/1.0 (+me@example.org)".
USER_AGENT = f"imagefetch/{__version__}"
CONTACT = ""

# Headers sent with every request. "identity": compressing images saves nothing.
DEFAULT_REQUEST_HEADERS = {"Accept": "image/*,*/*;q=0.8", "Accept-Encoding": "identity"}

# The Referer header of all lines. -a referer=URL overrides it. Empty: none is sent.
REFERER = ""

# Headers of single hosts: {"cdn.example": {"Referer": "https://shop.example/"}}.
HOST_HEADERS: dict[str, dict[str, str]] = {}

# Whether users and passwords of hosts are read from ~/.netrc, or from the file that
# the environment variable NETRC names. The entry "default" is ignored.
NETRC = False

# Whether URLs that a host's robots.txt disallows are skipped. Then signals of OPT_OUT_SIGNALS
# are also looked for in robots.txt and /.well-known/tdmrep.json.
ROBOTSTXT_OBEY = False

# Opt-out signals: an image is not stored if one is found in the response's headers, or with
# ROBOTSTXT_OBEY in files of the host. "x-robots-tag": the header has one of
# OPT_OUT_DIRECTIVES. "content-signal:USE", USE being ai-train, ai-input or search, and
# "content-usage:USE", USE being train-ai or search: a preference against that use.
# "tdmrep": a reservation of text and data mining. Empty: none.
OPT_OUT_SIGNALS = ["x-robots-tag", "content-signal:ai-train", "content-usage:train-ai", "tdmrep"]

# Directives of a response's X-Robots-Tag header that opt out.
OPT_OUT_DIRECTIVES = ["noai", "noimageai"]

# Maximum retries of a line after a transient error.
RETRY_TIMES = 4

# Seconds before the first retry, doubled for each further one up to the maximum.
# A waiting line takes no slot.
RETRY_DELAY = 2.0
RETRY_MAX_DELAY = 60.0

# Maximum seconds of a pause that a host asks for (Retry-After, RateLimit and the
# like) and gets: none of its lines is sent before. A line whose host asks for more
# is given up, and the host's other lines too if two probes get such a response.
RETRY_AFTER_MAX = 300.0

# Seconds after which the lines of a host that refuses every request (429) are given up.
# Until then a 429 does not count as one of a line's retries.
RATE_LIMIT_PATIENCE = 600.0

# HTTP statuses that are retried; 403 too if it comes with Retry-After.
RETRY_HTTP_CODES = [
    *(408, 425, 429, 500, 502, 503, 504),
    *(520, 521, 522, 523, 524, 529, 530),  # of content delivery networks
]

# Consecutive failed connections to a host that open its circuit breaker: its other
# lines wait, while single requests probe it. 0: every line is tried.
BREAKER_FAILURES = 10

# Seconds of failed connections after which the lines of a host that accepted some before
# are given up. A host that was never connected to is given up after RETRY_TIMES
# probes.
BREAKER_PATIENCE = 600.0

# Maximum redirects for one line.
REDIRECT_MAX_TIMES = 10

# Seconds to establish a connection, DNS lookup and TLS handshake included.
CONNECT_TIMEOUT = 30.0

# Seconds without any data from the server, before the response or within it.
RESPONSE_TIMEOUT = 60.0

# Minimum speed of a body in bytes per second, and the seconds over which it is
# measured. MIN_SPEED = 0: no minimum.
MIN_SPEED = 100
MIN_SPEED_WINDOW = 30.0

# Total timeout of a response, in seconds.
DOWNLOAD_TIMEOUT = 180

# Networks that may be connected to although they are not public, in CIDR
# notation: ["10.1.0.0/16", "fd00::/8"].
ALLOWED_NETWORKS: list[str] = []

# Seconds for which a failed DNS lookup is cached.
DNS_NEGATIVE_TTL = 30.0

# Maximum bytes of one body, as sent and as decoded. 0: no limit.
DOWNLOAD_MAXSIZE = 256 * 1024 * 1024

# Whether the certificates of https servers are verified.
DOWNLOAD_VERIFY_CERTIFICATES = True

# The version of HTTP. "auto": HTTP/2 if an https server offers it, many requests at once on
# one connection; else HTTP/1.1. "1.1": never HTTP/2. "3": also HTTP/3, over UDP.
HTTP_VERSION = "auto"

# How much of an image is checked. "header": its size, and whether it is truncated.
# "full": it is also decoded, in subprocesses. "off": only its first bytes, which
# show its type.
VERIFY_IMAGES = "header"

# Maximum pixels of an image that is decoded; larger images are kept without
# decoding. The default is that of Pillow, 256 MiB of RGB.
MAX_IMAGE_PIXELS = 89_478_485

# Whether an image that is truncated, damaged or can't be decoded is kept. Its row has both
# file and reason, so that such files can be found. They are kept by default because
# the server has no better version.
KEEP_DAMAGED = True

# Filters: minimum width and height in pixels, maximum number of pixels, maximum
# ratio of the longer to the shorter side, minimum size in bytes. 0: no limit. An
# image of unknown size passes the filters on size. Each filter has its own reason.
MIN_WIDTH = 0
MIN_HEIGHT = 0
MAX_PIXELS = 0
MAX_ASPECT_RATIO = 0.0
MIN_BYTES = 0

# Types that are kept, as in the report or by extension: ["image/jpeg", "png"].
# Empty: all.
ALLOWED_TYPES = []  # type: ignore[var-annotated]

# If at least so many URLs of one host have the same bytes, the summary and `scrapy
# report` mention them, since they may be placeholders for missing images. 0: never.
PLACEHOLDER_REPEATS = 10

# Where images are stored: a folder, or s3://…, gs://…, ftp://… as in FilesPipeline.
FILES_STORE = "downloaded-images"

# Template of an image's path below FILES_STORE, with / for folders. Fields: stem,
# hash (of the URL), ext, host, line, sha256 (of the image). {hash:.2} shortens a
# field, {line:08} pads the line number. The template must contain hash or sha256 in
# full. With {sha256} and without {hash}, equal images share a file.
FILES_NAME = "{stem}-{hash}{ext}"

# Path of the report. -a report=PATH overrides it.
REPORT = "REPORT.csv"

# On Scrapyd: the folder that contains one folder per job, named after the job. A
# relative FILES_STORE or REPORT of this file is below the job's folder. A relative
# JOBS_FOLDER is below Scrapyd's working directory, as Scrapyd's logs and eggs are.
JOBS_FOLDER = "imagefetch-jobs"

# fsync of the report every N rows, and of each image before its row, so that both
# survive a power failure. 0: never. Kills and crashes of the program lose nothing
# without it.
FSYNC = 0

# Whether an HTML report is written (REPORT.html for REPORT.csv), and the seconds
# between two updates during the run.
HTML_REPORT = True
HTML_REPORT_INTERVAL = 30.0

# Number of images in the HTML report, a uniform sample of those kept. Each is
# decoded in a subprocess for its thumbnail. 0: none.
CONTACT_SHEET = 120

# What is shown during the run. "auto": a view on a terminal, log lines elsewhere.
# "off": nothing.
PROGRESS = "auto"

# Seconds until the first log line about progress. The interval doubles each time,
# up to ten minutes.
PROGRESS_INTERVAL = 10.0

# DEBUG, INFO, WARNING, ERROR or CRITICAL.
LOG_LEVEL = "INFO"

# --- Components -------------------------------------------------------------
#
# A dictionary of components that is set elsewhere, for example with -s, is merged with the one
# here: its components are added, or disabled with None (imagefetch.config.components).

BOT_NAME = "imagefetch"
SPIDER_MODULES = ["imagefetch.spiders"]
COMMANDS_MODULE = "imagefetch.commands"

ADDONS = {
    "imagefetch.addons.ContactAddon": 400,
    "imagefetch.addons.ReportAddon": 500,
    "imagefetch.engine.addon.EngineAddon": 600,
}

SCHEDULER = "imagefetch.scheduling.scheduler.HostScheduler"
# Without slots: the scheduler holds the limits.
DOWNLOADER = "imagefetch.engine.downloader.DirectDownloader"

DOWNLOAD_HANDLERS = {
    "http": "imagefetch.download.handler.StreamingDownloadHandler",
    "https": "imagefetch.download.handler.StreamingDownloadHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}

DOWNLOADER_MIDDLEWARES = {
    "imagefetch.logformatter.SanitizingLog": 0,
    "imagefetch.middlewares.short_circuit.ShortCircuitMiddleware": 10,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "imagefetch.middlewares.robots.NamedRobotsTxtMiddleware": 100,
    "imagefetch.middlewares.tdm_reservations.ReservationMiddleware": 110,
    # In place of the middleware of scrapy_poet.Addon; faster for pages that need only the response.
    "imagefetch.middlewares.page_injection.PageMiddleware": 543,
    "imagefetch.middlewares.host_headers.HostHeadersMiddleware": 480,
    # Not needed: the handler reads DOWNLOAD_TIMEOUT itself.
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "imagefetch.middlewares.retry.WaitingRetryMiddleware": 550,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "imagefetch.middlewares.redirect.NamedRedirectMiddleware": 600,
    "imagefetch.middlewares.feedback.FeedbackMiddleware": 860,
    # The handler decodes bodies; this middleware expects them in memory.
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
}

# The disabled middlewares drop requests or responses that must become rows (URL length,
# HTTP status), or do nothing for a list.
SPIDER_MIDDLEWARES = {
    # closer to the engine than any other middleware
    "imagefetch.middlewares.output_guard.OutputGuard": -1_000_000,
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}

REQUEST_FINGERPRINTER_CLASS = "scrapy_poet.ScrapyPoetRequestFingerprinter"
SCRAPY_POET_PROVIDERS = {"imagefetch.pages.image_response.ImageResponseProvider": 500}
SCRAPY_POET_DISCOVER = ["imagefetch.pages", "imagefetch.sites"]

ITEM_PROCESSOR = "imagefetch.item_processor.RecordProcessor"
ITEM_PIPELINES = {"imagefetch.pipelines.ImageFilesPipeline": 300}
# Limits the images that wait to be decoded or stored to 512, since each counts as 1 KiB;
# then no more are fetched.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 512 * 1024
CONCURRENT_ITEMS = 1  # a response yields one item; Scrapy creates this many tasks for each

FEED_EXPORTERS = {
    "report": "imagefetch.output.report.exporter.ReportExporter",
    "csv": "imagefetch.output.report.exporter.SafeCsvExporter",
    "xml": "imagefetch.output.report.exporter.SafeXmlExporter",
}
FEED_STORAGES = {
    "": "imagefetch.output.report.exporter.ReportStorage",
    "file": "imagefetch.output.report.exporter.ReportStorage",
    "stdout": "imagefetch.output.report.feed_files.StdoutStorage",
}

EXTENSIONS = {
    "imagefetch.stats.recorder.Recorder": 100,
    "imagefetch.stats.progress.Progress": 200,
    "imagefetch.html_report.extension.HtmlReport": 300,
    "imagefetch.stats.summary.Summary": 400,
    "scrapy.extensions.logstats.LogStats": None,  # counts pages; Progress counts lines
}
LOG_FORMATTER = "imagefetch.logformatter.QuietLogFormatter"
STATS_CLASS = "imagefetch.stats.collector.QuickStatsCollector"
STATS_DUMP = False  # the summary has the same figures

# Disabled for security: these give others access to the process, or send data that
# servers need not have.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
COOKIES_ENABLED = False
JOBDIR = None

# Disabled because they cost time and have no use here.
RETRY_EXCEPTIONS = []  # type: ignore[var-annotated] # of Scrapy's own download handlers
WARN_ON_GENERATOR_RETURN_VALUE = False
DOWNLOADER_STATS = False
