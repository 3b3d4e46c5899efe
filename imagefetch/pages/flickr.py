"""Flickr: a photo that is gone redirects to a picture named photo_unavailable.

It lies at s.yimg.com, formerly l.yimg.com, as .gif, later .png, with a suffix
for some sizes (photo_unavailable_h.png): so
https://github.com/cnunciato/jekyll-flickr/pull/4 has it; that removed photos are
replaced by a picture,
https://community.canvaslms.com/community/ideas/blog/2018/12/13/flickr-removing-images-we-got-this
says. Not tried against the live site.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from web_poet import handle_urls

from imagefetch.pages import ImagePage


@handle_urls(["flickr.com", "staticflickr.com", "yimg.com"])
class FlickrPage(ImagePage):
    """A photo at Flickr."""

    def is_placeholder(self) -> bool:
        name = urlsplit(self.answer.url).path.rpartition("/")[2]
        return name.startswith("photo_unavailable")
