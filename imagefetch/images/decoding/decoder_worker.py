"""Decodes images in a subprocess of `decoder_pool`, isolated from the run.

Each line of standard input is a JSON array (path, Pillow's format). For each, the process
writes a JSON string on a line: empty if the image can be decoded, else the problem. The process
ends with its standard input, and so with the run. Arguments: maximum pixels, maximum seconds.
"""

from __future__ import annotations

import json
import signal
import sys
import warnings
from contextlib import suppress

from PIL import AvifImagePlugin, Image

from imagefetch.images.decoding.decoder_memory import address_space, allow_pixels, decode_memory
from imagefetch.images.decoding.decoder_problems import problem_of

# Formats whose files contain one image in many frames. In other formats the images after the
# first are previews and layers.
ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF", "TIFF"})

# Maximum bytes of memory for an image, for each pixel of the limit. Pillow takes 4 to 17, and more
# for JPEG 2000, of which fewer pixels are decoded.
BYTES_PER_PIXEL = 17

# Bytes of address space that a process may take in addition: for libraries that are loaded
# late, and memory that the allocator doesn't return.
EXTRA_BYTES = 2**28


def decode(path: str, plugin: str, limit: int) -> str:
    """Decode the file at *path* with *plugin* only; return the problem, or an empty string.

    Decodes at most *limit* pixels. A larger image isn't decoded, nor one that needs more memory
    than the limit allows; of an animation, only the frames within the limit are decoded.

    :raises OSError: if the file can't be read
    """
    try:
        with Image.open(path, formats=[plugin]) as image:
            width, height = image.size
            frames = limit // max(1, width * height)
            if decode_memory(image) > limit * BYTES_PER_PIXEL:
                frames = 0
            for number in range(frames if plugin in ANIMATED else min(frames, 1)):
                if number:
                    try:
                        image.seek(number)
                    except EOFError:
                        break
                image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return ""  # a size that is known only after decoding
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return problem_of(error, path, plugin)
    return ""


def main() -> None:
    limit, patience = int(sys.argv[1]), int(sys.argv[2])
    confine(limit, limit * BYTES_PER_PIXEL)
    for line in sys.stdin:
        path, plugin = json.loads(line)
        alarm(patience)
        allow_pixels(limit, plugin, limit * BYTES_PER_PIXEL)
        problem = decode(path, plugin, limit)
        alarm(0)
        sys.stdout.write(json.dumps(problem) + "\n")
        sys.stdout.flush()


def confine(limit: int, memory: int) -> None:
    """Limit this process to *limit* pixels of an image, and *memory* bytes for it."""
    warnings.simplefilter("ignore")
    # Pillow itself opens the images in an icon, and up to twice the limit it only warns.
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = max(1, limit)
    # A thread takes up to 130 MiB of address space; with many processors it would run out.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    with suppress(ImportError, ValueError, OSError):  # not supported on Windows and some macOS
        import resource

        most = address_space() + memory + EXTRA_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def alarm(seconds: int) -> None:
    """Kill this process after *seconds*, even if the run no longer can; 0 means never."""
    if sys.platform != "win32":
        signal.alarm(seconds)


if __name__ == "__main__":
    main()
