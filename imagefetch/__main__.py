"""``python -m imagefetch``: the command ``imagefetch``."""

from imagefetch.cli.main import main

if __name__ == "__main__":
    main()
