"""scriba caption eval: score a captioner on data."""

import sys

from scriba.caption import APP
from scriba.commands import evaluate

DESCRIPTION = """Score a captioner: BLEU-1 to BLEU-4 and ROUGE-L in percent, and CIDEr-D.

Example: scriba caption eval runs/scenes/bundle synth:scenes --json scores.json
"""

main = evaluate(APP, DESCRIPTION)

if __name__ == "__main__":
    sys.exit(main())
