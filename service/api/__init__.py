"""The HTTP API: one noun a file. Knows storage and domain; never torch, optuna or settings."""
