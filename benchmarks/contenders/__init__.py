"""Other packages, each run by a Python of its own environment."""
