"""``python -m gaia_lab``."""

import sys

from gaia_lab.cli import main

sys.exit(main())
