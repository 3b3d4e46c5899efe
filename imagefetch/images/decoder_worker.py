"""A process that decodes pictures for `imagefetch.images.decoder_pool`, so that none can harm the
run.

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

from PIL import AvifImagePlugin, Image

from imagefetch.images.decoder_memory import address_space, allow_pixels, decode_memory

# Formats whose files hold one picture in many frames. Behind the first picture
# of others lie previews and layers.
ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF", "TIFF"})

# Bytes of memory that a picture may take for each pixel of the limit: Pillow takes 4 to 17, and
# more for JPEG 2000, of which fewer pixels are decoded.
BYTES_PER_PIXEL = 17

# Bytes of address space that a process may take beyond that for a picture: for libraries that
# are loaded late, and what an allocator doesn't give back.
BYTES_BESIDE = 2**28


def decode(path: str, plugin: str, limit: int) -> str:
    """Decode the file at *path* by the one *plugin*; return what is wrong with it.

    At most *limit* pixels: a picture of more isn't decoded, nor one that takes the memory
    of more; of an animation the frames within it are.

    :raises OSError: if the file can't be read
    """
    try:
        with Image.open(path, formats=[plugin]) as image:
            width, height = image.size
            left = limit // max(1, width * height)
            if decode_memory(image) > limit * BYTES_PER_PIXEL:
                left = 0
            for number in range(left if plugin in ANIMATED else min(left, 1)):
                if number:
                    try:
                        image.seek(number)
                    except EOFError:
                        break
                image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
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
    confine(limit, limit * BYTES_PER_PIXEL)
    for line in sys.stdin:
        path, plugin = json.loads(line)
        alarm(patience)
        allow_pixels(limit, plugin, limit * BYTES_PER_PIXEL)
        answer = decode(path, plugin, limit)
        alarm(0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def confine(limit: int, memory: int) -> None:
    """Bound what this process may take: *limit* pixels of a picture, *memory* in bytes for it."""
    warnings.simplefilter("ignore")
    # Pillow itself opens a picture within an icon, and only warns below twice the limit.
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = max(1, limit)
    # Each thread takes address space, up to 130 MiB; many processors would take all there is.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    with suppress(ImportError, ValueError, OSError):  # none on Windows, none on some macOS
        import resource

        most = address_space() + memory + BYTES_BESIDE
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def alarm(seconds: int) -> None:
    """End this process after so many *seconds*, be the run there to do so or not; 0: never."""
    if sys.platform != "win32":
        signal.alarm(seconds)


if __name__ == "__main__":
    main()
