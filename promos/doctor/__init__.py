"""The data doctor: rows that Stripe would refuse or that contradict themselves, and what would mend them.

The constraints keep most of these out; rows written by other programs, or before
a constraint was there, may hold them all the same.
"""
