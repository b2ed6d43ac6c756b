"""scriba asr tune: choose how a speech recogniser decodes."""

import sys

from scriba.asr import APP
from scriba.commands import tune

DESCRIPTION = """Compare searches of a speech recogniser on dev, and show the best.

Example: scriba asr tune asr-an4-en dev.jsonl --methods "[joint]" --beams "[8]" --ctc_weight "[0.3, 0.5, 0.7]"
"""

main = tune(APP, DESCRIPTION)

if __name__ == "__main__":
    sys.exit(main())
