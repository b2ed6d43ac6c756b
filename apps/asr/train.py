"""scriba asr train: train a speech recogniser from a config file and options."""

import sys

from scriba.asr import APP
from scriba.commands import train

DESCRIPTION = """Train a speech recogniser.

Example, with no data at all: scriba asr train --config apps/asr/configs/quickstart.yaml --run_dir runs/dtmf
"""

main = train(APP, DESCRIPTION)

if __name__ == "__main__":
    sys.exit(main())
