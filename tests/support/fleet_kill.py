"""A pipeline, put in by a setting, that kills its process when it is given a line with
``/deadly/`` in its URL, as a decoder might that takes all memory."""

from __future__ import annotations

import os
import signal

from imagefetch.items import ImageRecord
from imagefetch.pipelines import ImageFilesPipeline


class DeadlyPipeline(ImageFilesPipeline):
    async def process_item(self, item: ImageRecord) -> ImageRecord:  # type: ignore[override]
        if "/deadly/" in item.url:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().process_item(item)
