"""Models that reconstruct, and how K of them train side by side in one process."""
