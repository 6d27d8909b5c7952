"""The parts of ``manage_promo_codes``, one module for each subject.

A part parses its options, calls the domain, and returns an ``Answer``; the
command prints it. Errors are CommandError, in one sentence.
"""
