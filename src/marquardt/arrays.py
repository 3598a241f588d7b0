"""Names for the array types that travel through the library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["AnyArray", "Array", "ArrayLike", "Indices"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
AnyArray = NDArray[Any]
