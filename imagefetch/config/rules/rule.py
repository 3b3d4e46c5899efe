"""Defines what a rule is: it parses and validates the value of one setting."""

from __future__ import annotations

from typing import Any, Protocol

NOT_ALLOWED = (ValueError, TypeError, ArithmeticError, LookupError)
"""What `Rule.read` raises for a value that is not allowed."""


class Rule(Protocol):
    """Parses and validates the value of a setting."""

    @property
    def allowed(self) -> str:
        """What is allowed, as the end of "must be …"."""
        ...

    def read(self, value: Any) -> Any:
        """Return the parsed *value*.

        :raises: one of `NOT_ALLOWED`; or `BadInput`, whose text follows the setting's name
        """
