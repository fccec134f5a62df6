"""The words of the service as plain values; pydantic and the standard library only."""
