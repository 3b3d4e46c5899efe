"""What the files of an origin, robots.txt and tdmrep.json, say about its URLs.

Bodies of these files and paths come in, rules and decisions go out. Everything in them is bounded.
It must not know the lines of the list."""
