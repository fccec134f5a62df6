"""Drives studies: proposes, dispatches, records, prunes, scores; the only package with Optuna."""
