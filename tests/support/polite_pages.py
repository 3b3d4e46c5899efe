"""A page object whose host asks for manners; discovered by tests only."""

from __future__ import annotations

from web_poet import handle_urls

from imagefetch.pages import ImagePage


@handle_urls("127.0.0.1")
class PolitePage(ImagePage):
    at_once = 2
    contact_required = True


@handle_urls("slow.example")
class SlowPage(ImagePage):
    delay = 0.5
