"""Laws of `marquardt.algorithms`."""
