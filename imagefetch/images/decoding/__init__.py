"""Decodes untrusted images with Pillow in subprocesses.

Paths come in; problems, sizes and thumbnails go out, within limits on memory and time. It must not
know why an image is decoded.
"""
