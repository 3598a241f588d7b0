"""Tests that keep the design true: import order, docstrings, documents, start-up."""
