"""The command ``imagefetch``, which works in any folder.

Command-line arguments and ``imagefetch.toml`` come in; they go on as arguments and settings of
the commands in `imagefetch.commands`, which ``scrapy`` runs in this process. What a command
does is not known here. Until the sub-command is known, only Click is imported.
"""
