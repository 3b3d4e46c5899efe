"""Collections whose memory is bounded.

They hold what untrusted lists and servers can make grow: counts, caches, sets. They must not know
what they hold.
"""
