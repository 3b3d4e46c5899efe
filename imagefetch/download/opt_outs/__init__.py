"""Tells which opt-outs of OPT_OUT_SIGNALS apply.

Values of response headers, and of rules of a robots.txt, come in; the name of a signal goes out, or
None. It must not know where rules come from, nor what happens to the line."""
