"""Keeps tldextract, which web-poet uses to find domains, from downloading public suffixes.

A run sends requests for the lines of its list only, and must not block the event loop. So it
uses the list of public suffixes that tldextract contains. Import this module before
``@handle_urls`` is used.
"""

from __future__ import annotations

from tldextract import TLDExtract, tldextract

tldextract.TLD_EXTRACTOR = TLDExtract(cache_dir=None, suffix_list_urls=())
