"""States what Wikimedia asks of clients that fetch media files.

At most two requests at once (https://wikitech.wikimedia.org/wiki/Robot_policy, "Media"), and an
address of contact in the User-Agent
(https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy). Not tested
against the live site.
"""

from __future__ import annotations

from web_poet import handle_urls

from imagefetch.pages import ImagePage


@handle_urls("upload.wikimedia.org")
class WikimediaPage(ImagePage):
    """A media file of Wikimedia Commons or Wikipedia."""

    at_once = 2
    contact_required = True
