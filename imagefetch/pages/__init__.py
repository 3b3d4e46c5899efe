"""Page objects: what a response says of the image that was requested.

A response with its body in a file comes in; an `ImageRecord` goes out, or the error by
which the image is rejected. What is known of one web site is a module here, or one of
your own in `imagefetch.sites`. Page objects must not know how the response was fetched,
nor where the file will be stored.
"""

from imagefetch.pages.base import Answer, ImagePage

__all__ = ["Answer", "ImagePage"]
