"""The JSON API under /api/promo-codes/: for the shop's own pages and programs, and for staff."""
