"""The running house of tests.api.house, for this folder."""

from tests.api.house import house, http, seed

__all__ = ["house", "http", "seed"]
