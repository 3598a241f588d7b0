"""Networks in files: one archive without pickle, exact to the bit, safe to open from a stranger."""

from marquardt.storage.content import NetworkFile
from marquardt.storage.files import load, save

__all__ = ["NetworkFile", "load", "save"]
