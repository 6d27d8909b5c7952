"""Alerts: rules that find what is out of the ordinary, a watch that opens and closes, messages that are sent once."""
