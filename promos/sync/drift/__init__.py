"""The drift doctor: every difference between Stripe and us, found by listing, explained and repaired where safe.

Events can be lost, and some things fire none. What the lists show is only a
suspicion: they take a while to read, and both sides go on meanwhile. So each is
looked at once more, alone, before it is called a difference.
"""
