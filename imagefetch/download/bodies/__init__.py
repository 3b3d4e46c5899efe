"""Takes the pieces of a response body, decodes them, and saves those of images to files.

Pieces come in as they are received; a finished file with its length, hash and first bytes goes
out. It must not know of connections.
"""
