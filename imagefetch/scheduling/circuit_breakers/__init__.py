"""Holds back the lines of hosts that can't be connected to.

Failed and successful connections come in, blocked lines and the times of probes go out. It must not
know requests, responses or the report."""
