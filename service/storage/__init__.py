"""Studies and everything about them in SQLite or PostgreSQL; the only package that writes SQL."""
