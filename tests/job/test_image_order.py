"""Images of a list have an index by line and part."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from imagefetch.job.image_order import NO_INDEX, ImageOrder
from imagefetch.line import Line
from tests.conftest import examples


@given(st.lists(st.integers(0, 5), max_size=20), st.randoms(), st.booleans())
@examples(200)
def test_each_image_has_its_index(counts: list[int], draw: random.Random, shard: bool) -> None:
    """In the order of lines and parts, also if lines are shuffled and parts are missing."""
    keys = [
        (number, part if count > 1 else None)
        for number, count in enumerate(counts, 1)
        for part in range(1, count + 1)
        if not shard or draw.random() < 0.7
    ]
    lines = [Line(number, "", part) for number, part in keys]
    if shard:
        draw.shuffle(lines)
    order = ImageOrder(lines)
    assert [order.index(key) for key in keys] == list(range(len(keys)))
    for number in (0, 1, 7, 21, 2**61):
        for part in (None, 1, 3, 6):
            if (number, part) not in keys:
                assert order.index((number, part)) == NO_INDEX
