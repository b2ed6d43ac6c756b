"""scriba caption tune: choose how a captioner decodes."""

import sys

from scriba.caption import APP
from scriba.commands import tune

DESCRIPTION = """Compare searches of a captioner on dev, and show the best.

Example: scriba caption tune caption-scenes synth:scenes:dev:50 --beams "[5, 20]" --consensus "[0, 3]"
"""

main = tune(APP, DESCRIPTION)

if __name__ == "__main__":
    sys.exit(main())
