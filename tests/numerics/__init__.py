"""Laws of `marquardt.numerics`."""
