"""Laws of `marquardt.losses`."""
