"""Page objects, which extract an `ImageRecord` from a response.

A response with its body in a file comes in; an `ImageRecord` goes out, or the error for
which the image is rejected. Rules for a web site are a module here, or one of your own in
`imagefetch.sites`. Page objects must not know how the response was fetched, nor where the
file will be stored.
"""

from imagefetch.pages.base import ImagePage
from imagefetch.pages.image_response import Answer, ImageResponse

__all__ = ["Answer", "ImagePage", "ImageResponse"]
