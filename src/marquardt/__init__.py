"""Train small and medium neural networks with Levenberg–Marquardt, to machine precision."""

from marquardt._version import __version__

__all__ = ["__version__"]
