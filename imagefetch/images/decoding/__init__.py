"""Decodes untrusted images with Pillow in subprocesses, within limits on memory and time."""
