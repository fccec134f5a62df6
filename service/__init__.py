"""The tuning service: spec, storage, engine, executors, HTTP API and client."""

__version__ = "0.1.0"
