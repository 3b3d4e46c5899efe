"""Collections in bounded memory."""
