"""How moments are written: in English as 2026-03-31 18:00, which sorts, is short, and is what every page of figures says."""
