"""Data sets: readers by format, splits, scaling, the memory-mapped store, baselines; no torch."""
