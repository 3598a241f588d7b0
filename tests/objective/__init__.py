"""Laws of `marquardt.objective`."""
