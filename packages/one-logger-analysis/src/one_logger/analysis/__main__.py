"""`python -m one_logger.analysis` is the command `one-logger`."""

import sys

from one_logger.analysis.main import main

sys.exit(main())
