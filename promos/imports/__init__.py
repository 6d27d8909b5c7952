"""Taking codes over from an earlier system's CSV export: a table, its columns, its cells, and the import itself."""
