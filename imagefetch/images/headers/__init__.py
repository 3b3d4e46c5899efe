"""Reads width and height from the headers of image files, each format in its own way.

The bytes of an open file come in, through `imagefetch.images.bounded_bytes`; a `Header` goes
out, or the error that says why there is none. Pillow reads many of these sizes too, but does
more work than untrusted bytes should be able to cause: it reads every tag of a TIFF, inflates
the texts of a PNG, decodes an icon, allocates the canvas of a WebP, reads all of an AVIF. This
room must not know how a format is recognized, nor which images are kept.
"""

from imagefetch.images.headers.base import Header, ReadHeader

__all__ = ["Header", "ReadHeader"]
