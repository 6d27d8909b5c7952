"""The report of a week or a month by mail: its figures are the home page's, its charts are drawn here."""
