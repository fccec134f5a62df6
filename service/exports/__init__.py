"""Exports: a study's records as files that other tools open."""
