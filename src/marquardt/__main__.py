"""`python -m marquardt` is `marquardt`."""

import sys

from marquardt.cli import main

if __name__ == "__main__":
    sys.exit(main())
