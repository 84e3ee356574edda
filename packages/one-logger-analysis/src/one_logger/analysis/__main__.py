"""`python -m one_logger.analysis` is the command `one-logger`."""

import sys

from one_logger.analysis.main import main

if __name__ == "__main__":
    sys.exit(main())
