"""imagefetch: fetch every picture of a list of URLs, and say what became of each."""

__version__ = "0.1.0"
