"""scriba caption train: train a captioner from a config file and options."""

import sys

from scriba.caption import APP
from scriba.commands import train

DESCRIPTION = """Train a captioner.

Example, with no data at all: scriba caption train --config apps/caption/configs/scenes.yaml --run_dir runs/scenes
"""

main = train(APP, DESCRIPTION)

if __name__ == "__main__":
    sys.exit(main())
