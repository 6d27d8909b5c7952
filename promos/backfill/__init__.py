"""Bringing an existing account in, and what was missed while nobody listened."""
