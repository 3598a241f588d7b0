"""Networks in files: one archive without pickle, exact to the bit, safe to open from a stranger."""

from marquardt.storage.archive import section
from marquardt.storage.content import INPUT_NAMES, NetworkFile
from marquardt.storage.files import load, save

__all__ = ["INPUT_NAMES", "NetworkFile", "load", "save", "section"]
