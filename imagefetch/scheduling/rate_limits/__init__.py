"""Obeys hosts that refuse requests because there were too many, such as with a 429.

A host that refuses pauses as a whole, and its rate of requests is learnt. Outcomes of requests come
in, the times of pauses and probes go out. It must not know requests, responses or the report."""
