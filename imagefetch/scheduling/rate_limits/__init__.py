"""Obeys hosts that refuse requests because there were too many, such as with a 429.

A refusal pauses all requests to its host, and the rate that the host allows is estimated. Outcomes
of requests come in, the times of pauses and probes go out. It must not know requests, responses or
the report."""
