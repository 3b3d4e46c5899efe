"""web-poet tells domains by tldextract, which would fetch a newer list of public suffixes.

A run asks the hosts of its list and nobody else, and does not wait for one on
the event loop: the list that tldextract brings will do. To be imported before
``@handle_urls`` is used.
"""

from __future__ import annotations

from tldextract import TLDExtract, tldextract

tldextract.TLD_EXTRACTOR = TLDExtract(cache_dir=None, suffix_list_urls=())
