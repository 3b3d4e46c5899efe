"""Page objects of a user's that make something else of some pictures; imported where that is
wanted only, for each counts from then on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from web_poet import handle_urls

from imagefetch.pages.base import ImagePage


@handle_urls("127.0.0.1")
class Page(ImagePage):
    async def to_item(self) -> Any:
        record = await super().to_item()
        match self.response.line.number:
            case 1:
                return {"url": "x"}
            case 2:
                return None
            case 3:
                return replace(record, line=4, url="http://a.example/")
        return record
