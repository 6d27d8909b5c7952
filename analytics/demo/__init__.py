"""The demo: a fresh installation filled through the real flows, and its processes."""
