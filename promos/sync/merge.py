"""The three-way comparison: ours, Stripe's, and the terms of the last agreement. Pure.

What changed on one side only, the other takes over. What changed on both is
agreed when it is equal now, and clashes otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from promos.sync.terms import Terms


@dataclass(frozen=True)
class Merge:
    """Names of terms: which Stripe's side changed alone, which both changed alike, which both changed apart."""

    taken: frozenset[str]
    agreed: frozenset[str]
    clashing: frozenset[str]

    def settled(self, base: Terms, theirs: Terms) -> Terms:
        """Return the new terms of the last agreement: Stripe's, save what still clashes."""
        return base | {key: value for key, value in theirs.items() if key not in self.clashing}


def compare(wanted: Terms, theirs: Terms, base: Terms) -> Merge:
    """Compare the terms that we want, that Stripe has, and that both had at the last agreement."""
    changed_there = {key for key in wanted if theirs.get(key) != base.get(key)}
    changed_here = {key for key in wanted if wanted[key] != base.get(key)}
    both = changed_there & changed_here
    agreed = {key for key in both if wanted[key] == theirs.get(key)}
    return Merge(
        taken=frozenset(changed_there - changed_here),
        agreed=frozenset(agreed),
        clashing=frozenset(both - agreed),
    )
