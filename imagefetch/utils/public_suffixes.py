"""Keeps tldextract, which finds the registrable domain of a host, from downloading public suffixes.

A run sends requests for the lines of its list only, and must not block the event loop. So web-poet
(for rules of page objects) and Scrapy (for cookies) use the list of public suffixes that tldextract
contains. Import this module before ``@handle_urls`` is used, and before Scrapy's cookies
middleware is imported.
"""

from __future__ import annotations

import os

from tldextract import TLDExtract, tldextract

# Read by each instance that is created without addresses, as Scrapy's is: no address to download.
os.environ.setdefault("TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS", "")
# web-poet's, which exists by now.
tldextract.TLD_EXTRACTOR = TLDExtract(cache_dir=None, suffix_list_urls=())
