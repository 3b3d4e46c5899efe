"""Recognizes Flickr's placeholder: a deleted photo redirects to photo_unavailable.

The placeholder is at s.yimg.com, formerly l.yimg.com, as .gif, later .png, with a suffix for
some sizes (photo_unavailable_h.png). Sources: https://github.com/cnunciato/jekyll-flickr/pull/4
for the names;
https://community.canvaslms.com/community/ideas/blog/2018/12/13/flickr-removing-images-we-got-this
for the replacement of removed photos by an image. Not tested against the live site.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from web_poet import handle_urls

from imagefetch.pages import ImagePage


@handle_urls(["flickr.com", "staticflickr.com", "yimg.com"])
class FlickrPage(ImagePage):
    """A photo at Flickr."""

    def is_placeholder(self) -> bool:
        name = urlsplit(self.response.url).path.rpartition("/")[2]
        return name.startswith("photo_unavailable")
