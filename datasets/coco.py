"""coco:PATH: COCO's own `captions_*.json`, a list of pictures and a list of captions that name them.

Pictures lie beside the file, in `images`, or as COCO has them: those of `annotations/captions_train2017.json` in
`train2017`, beside `annotations`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import read_json
from scriba.datasets.manifest import Problem

REMEDY = "name a captions_*.json of COCO's"


class Coco(Sequence[Example]):
    """The pictures of a file with their captions. Picture files are not touched.

    Attributes:
        problems: Pictures without a caption, and captions without a picture.

    Args:
        path: The file.

    Raises:
        InputError: The file is missing, damaged or of another kind, or no picture has a caption.
    """

    def __init__(self, path: Path) -> None:
        content = read_json(path, REMEDY)
        try:
            names = {image["id"]: str(image["file_name"]) for image in content["images"]}
            captions: dict[object, list[str]] = {}
            for row in content["annotations"]:
                captions.setdefault(row["image_id"], []).append(str(row["caption"]))
        except (KeyError, TypeError) as error:
            raise InputError(f"{path}: lacks {error}; {REMEDY}.") from error
        folders = [path.parent, path.parent / "images", path.parent.parent / path.stem.removeprefix("captions_")]
        self._examples = tuple(
            Example(Path(name).stem, find_picture(name, folders), tuple(captions[id]))
            for id, name in names.items()
            if id in captions
        )
        self.problems = tuple(
            [Problem(f"{path}: image {id}", "has no caption.") for id in names if id not in captions]
            + [Problem(f"{path}: image {id}", "is captioned but not listed.") for id in captions if id not in names]
        )
        if not self._examples:
            raise InputError(f"{path}: no picture has a caption; {REMEDY}.")

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        return self._examples[index]

    def __iter__(self) -> Iterator[Example]:
        return iter(self._examples)


def find_picture(name: str, folders: Sequence[Path]) -> Path:
    """Return where a picture lies: the first folder that has it, or else the first of all."""
    return next((folder / name for folder in folders if (folder / name).is_file()), folders[0] / name)
