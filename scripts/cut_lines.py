r"""Cut the lines of pages with PAGE XML or ALTO into pictures and a manifest: a training reads those faster than pages.

    python scripts/cut_lines.py alto:books OUT --dev bookA bookB --without '[\u0300-\u03ff]'

writes OUT/lines/*.png and OUT/train.jsonl, and OUT/dev.jsonl with the lines of the folders that `--dev` names, so that
no page is in both. Lines whose text matches `--without` are left out.
"""

import argparse
import json
import re
from pathlib import Path

from scriba.core.command import say, track
from scriba.core.errors import InputError
from scriba.datasets.page_lines import ROOTS, PageLines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="page:FOLDER or alto:FOLDER")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--dev", nargs="*", default=[], help="folders in FOLDER whose lines are for dev")
    parser.add_argument("--without", help="regular expression of texts that are left out")
    options = parser.parse_args()
    scheme, _, folder = options.source.partition(":")
    if scheme not in ROOTS or not folder:
        raise SystemExit(f"{options.source}: give {' or '.join(f'{name}:FOLDER' for name in ROOTS)}.")
    try:
        lines = PageLines(Path(folder), scheme)
    except InputError as error:
        raise SystemExit(str(error)) from error
    (options.out / "lines").mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[str]] = {"train": [], "dev": []}
    for number, example in enumerate(track(lines, "lines", len(lines))):
        text = str(example.target)
        if not isinstance(example.source, bytes) or (options.without and re.search(options.without, text)):
            continue  # a picture that cannot be read, or a text that is not wanted
        picture = f"lines/{number:06d}.png"
        (options.out / picture).write_bytes(example.source)
        split = "dev" if Path(example.id).parts[0] in options.dev else "train"
        rows[split].append(json.dumps({"id": example.id, "image": picture, "text": text}, ensure_ascii=False) + "\n")
    for split, found in rows.items():
        if found:
            (options.out / f"{split}.jsonl").write_text("".join(found), encoding="utf-8")
        say(f"{split}: {len(found)} lines")


if __name__ == "__main__":
    main()
