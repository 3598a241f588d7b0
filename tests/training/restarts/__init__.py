"""Laws of `marquardt.training`."""
