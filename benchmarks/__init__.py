"""Compares imagefetch with other programs that fetch a list of images; see README.md."""
