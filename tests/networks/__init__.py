"""Laws of `marquardt.networks`."""
