"""Recognizes imgur's placeholder: a deleted image redirects to https://i.imgur.com/removed.png.

Sources: https://github.com/JDimproved/JDim/pull/1434 and
https://github.com/mikf/gallery-dl/issues/5308; with a second redirect
https://github.com/qsniyg/maxurl/issues/311. Not tested against the live site.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from web_poet import handle_urls

from imagefetch.pages import ImagePage


@handle_urls("imgur.com")
class ImgurPage(ImagePage):
    """An image at imgur."""

    def is_placeholder(self) -> bool:
        return urlsplit(self.response.url).path == "/removed.png"
