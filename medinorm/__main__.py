"""``python -m medinorm`` is the command ``medinorm``."""

import sys

from medinorm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
