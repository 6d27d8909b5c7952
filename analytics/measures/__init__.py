"""The questions behind the pages of figures, by subject: one query, one function, one frozen dataclass.

Each takes a ``Selection`` and groups money by currency; amounts are integer minor units.
"""
