"""A process that decodes pictures for `imagefetch.verify`, so that none can harm the run.

Reads a JSON array (path, Pillow's format) a line from standard input, and writes
one JSON string a line: empty if the picture decodes, else what is wrong. It ends
with its standard input, and so with the run. Arguments: most pixels, most seconds.
"""

from __future__ import annotations

import json
import signal
import sys
import warnings
from contextlib import suppress

from PIL import Image

# Formats whose files hold one picture in many frames. Behind the first picture
# of others lie previews and layers.
ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF", "TIFF"})

# Bytes of memory for each pixel of the limit, and for the rest: what Pillow
# takes for two copies of a picture in its widest mode, and for its libraries.
BYTES_PER_PIXEL = 16
BYTES_BESIDE = 2**30


def decode(path: str, plugin: str, limit: int) -> str:
    """Decode the file at *path* by the one *plugin*; return what is wrong with it.

    At most *limit* pixels: a picture of more isn't decoded, of an animation
    the frames within it are.

    :raises OSError: if the file can't be read
    """
    try:
        with Image.open(path, formats=[plugin]) as image:
            width, height = image.size
            left = limit // max(1, width * height)
            for number in range(left if plugin in ANIMATED else min(left, 1)):
                if number:
                    try:
                        image.seek(number)
                    except EOFError:
                        break
                image.load()
    except Image.DecompressionBombError:
        return ""  # a size that only decoding tells
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    limit, patience = int(sys.argv[1]), int(sys.argv[2])
    confine(limit)
    for line in sys.stdin:
        path, plugin = json.loads(line)
        alarm(patience)
        answer = decode(path, plugin, limit)
        alarm(0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def confine(limit: int) -> None:
    """Bound what this process may take, for pictures of *limit* pixels at most."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = max(1, limit)
    with suppress(ImportError, ValueError, OSError):  # none on Windows, none on some macOS
        import resource

        memory = limit * BYTES_PER_PIXEL + BYTES_BESIDE
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def alarm(seconds: int) -> None:
    """End this process after so many *seconds*, be the run there to do so or not; 0: never."""
    if sys.platform != "win32":
        signal.alarm(seconds)


if __name__ == "__main__":
    main()
