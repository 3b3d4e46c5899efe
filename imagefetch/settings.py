"""Settings of imagefetch, in the order in which data flows.

The first part holds what a user may turn, each with its unit and meaning; what
is allowed stands in `imagefetch.config.setting_rules`, how it may be written in
`imagefetch.config.setting_values`: "10k", "1G" (decimal), "10MiB" (binary), "2m" (seconds), "yes".
The second part puts the program together. Scrapy's other settings keep their defaults:
https://docs.scrapy.org/en/latest/topics/settings.html
"""

from imagefetch import __version__

# --- What you may turn -----------------------------------------------------

# The list: a path, or an http or https address; "-" is standard input.
# -a urls= overrides it.
INPUT_URLS = "urls.txt"

# Bytes of a list that comes from an address or standard input, as sent and as
# decoded; ten million lines are a gigabyte or two. 0: no limit.
INPUT_URLS_MAXSIZE = 4 * 1024**3

# Lines of a list that one process of `scrapy fleet` fetches at a time; fewer
# where that keeps every worker busy.
SHARD_SIZE = 10_000

# Lines read before they are needed. Beyond them, the list is read on only while
# no line known so far may be sent, as where it is sorted by host.
LOOKAHEAD = 1_000

# Requests under way at once, in all and to one host. A place is taken again as
# soon as it is free. Half of them, so that no host takes all. More in all is more
# memory, up to half a megabyte each where pictures are large.
CONCURRENT_REQUESTS = 256
CONCURRENT_REQUESTS_PER_DOMAIN = 128

# Whether each host's own limit is found out, within these: how many requests at
# once bring more answers, and no refusals. Not for hosts whose pace you set, by
# DOWNLOAD_DELAY, DOWNLOAD_SLOTS or AutoThrottle.
PACE_ENABLED = True

# Seconds between two requests to one host.
DOWNLOAD_DELAY = 0

# Say who you are; a disguise earns refusals. CONTACT, a mail or web address for
# those whose servers you ask, is added to it: "imagefetch/1.0 (+me@example.org)".
USER_AGENT = f"imagefetch/{__version__}"
CONTACT = ""

# Sent with every request. Pictures are not worth compressing.
DEFAULT_REQUEST_HEADERS = {"Accept": "image/*,*/*;q=0.8", "Accept-Encoding": "identity"}

# Whether what a site's robots.txt forbids is left alone.
ROBOTSTXT_OBEY = False

# Directives of an answer's X-Robots-Tag by which its picture is not kept.
OPT_OUT_DIRECTIVES = ["noai", "noimageai"]

# Times that a line is tried again after the first, where the error may pass.
RETRY_TIMES = 4

# Seconds before a line is tried again the first time; doubled each time, up to
# the maximum. Nothing waits for it meanwhile.
RETRY_DELAY = 2.0
RETRY_MAX_DELAY = 60.0

# Seconds: the longest Retry-After that is obeyed. A line whose server asks for
# more is given up.
RETRY_AFTER_MAX = 300.0

# Statuses that may pass.
RETRY_HTTP_CODES = [408, 425, 429, 500, 502, 503, 504, 522, 524]

# Connections to a host that fail one after the other before its other lines wait
# for it. It is asked again RETRY_TIMES times, by one request each; then they are
# given up. 0: every line is tried.
BREAKER_FAILURES = 10

# Redirects followed for one line.
REDIRECT_MAX_TIMES = 10

# Seconds until a connection must stand, name and TLS included.
CONNECT_TIMEOUT = 30.0

# Seconds that a server may keep silent: before its answer, or in the midst.
RESPONSE_TIMEOUT = 60.0

# Bytes per second that a body must come at, measured over so many seconds.
# 0: any pace will do.
MIN_SPEED = 100
MIN_SPEED_WINDOW = 30.0

# Seconds until the last byte of an answer must be there.
DOWNLOAD_TIMEOUT = 180

# Networks that may be connected to although they are not public, in CIDR
# notation: ["10.1.0.0/16", "fd00::/8"].
ALLOWED_NETWORKS: list[str] = []

# Seconds that a host name which did not resolve is not looked up again.
DNS_NEGATIVE_TTL = 30.0

# Bytes of one body, as sent and as decoded. 0: no limit.
DOWNLOAD_MAXSIZE = 256 * 1024 * 1024

# Whether https servers must prove who they are.
DOWNLOAD_VERIFY_CERTIFICATES = True

# How far a picture is looked into. "header": its size, and whether it breaks
# off; "full": it is decoded too, in processes beside; "off": its first bytes
# alone, so that only its type is known.
VERIFY_IMAGES = "header"

# Pixels that are decoded of one picture; larger ones are kept undecoded. The
# default is Pillow's own, 256 MiB of RGB.
MAX_IMAGE_PIXELS = 89_478_485

# Whether a picture that breaks off or can't be decoded is kept, its row with
# file and reason. The server has nothing better, and half a picture is more
# than none: who wants none finds them by their reason.
KEEP_DAMAGED = True

# What is not kept, each with its reason; a size that isn't known is no fault.
# Pixels across, pixels down, pixels in all, the longer side by the shorter,
# bytes; 0: any.
MIN_WIDTH = 0
MIN_HEIGHT = 0
MAX_PIXELS = 0
MAX_ASPECT_RATIO = 0.0
MIN_BYTES = 0

# Types that are kept, as the report names them or by extension: ["image/jpeg", "png"].
# Empty: any.
ALLOWED_TYPES = []  # type: ignore[var-annotated]

# Different URLs of one host from which the same bytes came: told at the end and
# by `scrapy report`, for they may stand in for pictures that are gone. 0: never.
PLACEHOLDER_REPEATS = 10

# Where pictures go: a folder, or s3://…, gs://…, ftp://… as FilesPipeline takes it.
FILES_STORE = "downloaded-images"

# What a picture's file is called, below FILES_STORE, with / for folders. Fields:
# stem, hash (of the URL), ext, host, line, sha256 (of the picture), each may be
# cut: {hash:.2}. It must hold hash or sha256 uncut; with {sha256} and no {hash},
# equal pictures share a file.
FILES_NAME = "{stem}-{hash}{ext}"

# The report: a path. -a report=PATH overrides it.
REPORT = "REPORT.csv"

# On Scrapyd: the folder for the jobs' own folders, each called as its job. A
# relative FILES_STORE or REPORT of this file lies there. Itself relative, it is
# a folder in Scrapyd's working directory, as Scrapyd's logs and eggs are.
JOBS_FOLDER = "imagefetch-jobs"

# Rows between two times that the report is made safe against a power cut
# (fsync); then each picture is made safe before its row. 0: never. Against
# kills and crashes of the program it is safe without.
FSYNC = 0

# Whether a page is written beside the report, REPORT.html beside REPORT.csv, and
# seconds after which it is written anew while the run goes on.
HTML_REPORT = True
HTML_REPORT_INTERVAL = 30.0

# Pictures that the page shows, drawn evenly from all that were kept. Each is
# decoded, in a process beside, for a small copy; 0: none.
CONTACT_SHEET = 120

# What is shown while the run goes on. "auto": on a terminal a view that stays,
# elsewhere a line now and then; "off": nothing.
PROGRESS = "auto"

# Seconds until the first of these lines; each following one comes after twice as
# long, but never later than after ten minutes.
PROGRESS_INTERVAL = 10.0

# DEBUG, INFO, WARNING, ERROR or CRITICAL.
LOG_LEVEL = "INFO"

# --- Components -------------------------------------------------------------
#
# A dictionary of components that is set elsewhere, as with -s, is merged with the one here:
# what it names is added, or with None switched off (imagefetch.config.components).

BOT_NAME = "imagefetch"
SPIDER_MODULES = ["imagefetch.spiders"]
COMMANDS_MODULE = "imagefetch.commands"

ADDONS = {"imagefetch.addons.ContactAddon": 400, "imagefetch.addons.ReportAddon": 500}

SCHEDULER = "imagefetch.scheduling.scheduler.HostScheduler"

DOWNLOAD_HANDLERS = {
    "http": "imagefetch.download.handler.StreamingDownloadHandler",
    "https": "imagefetch.download.handler.StreamingDownloadHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}

DOWNLOADER_MIDDLEWARES = {
    "imagefetch.logformatter.HarmlessLog": 0,
    "imagefetch.middlewares.short_circuit.SettledMiddleware": 10,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "imagefetch.middlewares.robots.NamedRobotsTxtMiddleware": 100,
    # What scrapy_poet.Addon would put here, with a shorter way for pages like ours.
    "imagefetch.middlewares.page_injection.PageMiddleware": 543,
    # Does nothing here, once a request: DOWNLOAD_TIMEOUT is known to the handler.
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "imagefetch.middlewares.retry.WaitingRetryMiddleware": 550,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "imagefetch.middlewares.redirect.NamedRedirectMiddleware": 600,
    "imagefetch.middlewares.feedback.OutcomeMiddleware": 860,
    # The handler decodes; this one would look for a body in memory.
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
}

# Those left out drop rows (URL length; an answer of any status is one), or have
# nothing to do with a list.
SPIDER_MIDDLEWARES = {
    # nearer to the engine than any other
    "imagefetch.middlewares.output_guard.OutputGuard": -1_000_000,
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}

REQUEST_FINGERPRINTER_CLASS = "scrapy_poet.ScrapyPoetRequestFingerprinter"
SCRAPY_POET_PROVIDERS = {"imagefetch.pages.base.AnswerProvider": 500}
SCRAPY_POET_DISCOVER = ["imagefetch.pages", "imagefetch.sites"]

ITEM_PROCESSOR = "imagefetch.item_processor.RecordProcessor"
ITEM_PIPELINES = {"imagefetch.pipelines.ImageFilesPipeline": 300}
# Pictures that wait to be decoded or stored before no more are fetched: 512, for
# each counts as 1 KiB.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 512 * 1024
CONCURRENT_ITEMS = 1  # a response is one item; Scrapy makes so many tasks for each

FEED_EXPORTERS = {
    "report": "imagefetch.output.exporter.ReportExporter",
    "csv": "imagefetch.output.exporter.SafeCsvExporter",
    "xml": "imagefetch.output.exporter.SafeXmlExporter",
}
FEED_STORAGES = {
    "": "imagefetch.output.exporter.ReportStorage",
    "file": "imagefetch.output.exporter.ReportStorage",
}

EXTENSIONS = {
    "imagefetch.stats.recorder.Recorder": 100,
    "imagefetch.stats.progress.Progress": 200,
    "imagefetch.html_report.extension.HtmlReport": 300,
    "imagefetch.stats.summary.Summary": 400,
    "scrapy.extensions.logstats.LogStats": None,  # counts pages; Progress counts lines
}
LOG_FORMATTER = "imagefetch.logformatter.QuietLogFormatter"
STATS_DUMP = False  # the summary says it in words

# Doors that stay shut: these let others into the process, or send what they
# need not know.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
COOKIES_ENABLED = False
JOBDIR = None

# Costs that bring nothing here.
WARN_ON_GENERATOR_RETURN_VALUE = False
DOWNLOADER_STATS = False
