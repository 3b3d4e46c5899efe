"""imagefetch: downloads the images of a list of URLs, and reports the outcome of each."""

__version__ = "0.1.0"
