"""coco:PATH: COCO's own `captions_*.json`, a list of pictures and a list of captions that name them.

Pictures lie beside the file, in `images`, or as COCO has them: those of `annotations/captions_train2017.json` in
`train2017`, beside `annotations`.
"""

from pathlib import Path

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import read_json
from scriba.datasets.listed import Listed, Problem, find_file, is_text

REMEDY = "name a captions_*.json of COCO's"


def read_coco(path: Path) -> Listed:
    """Return the pictures of a file with their captions. Picture files are not touched.

    A picture without a caption, and a caption without a picture, is a problem.

    Raises:
        InputError: The file is missing, damaged or of another kind, or no picture has a caption.
    """
    content = read_json(path, REMEDY)
    try:
        names = {image["id"]: image["file_name"] for image in content["images"]}
        rows = [(row["image_id"], row["caption"]) for row in content["annotations"]]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: is not as COCO's files are ({error!r}); {REMEDY}.") from error
    captions: dict[object, list[str]] = {}
    problems: list[Problem] = []
    for i, (id, caption) in enumerate(rows):
        if is_text(caption) and is_text(names.get(id, "")):
            captions.setdefault(id, []).append(caption)
        else:
            problems.append(Problem(f"{path}: annotation {i}", "caption and picture's file name have to be text."))
    folders = [path.parent, path.parent / "images", path.parent.parent / path.stem.removeprefix("captions_")]
    known = [(name, captions[id]) for id, name in names.items() if id in captions]
    examples = [Example(Path(name).stem, find_file(name, folders), tuple(texts)) for name, texts in known]
    if not examples:
        raise InputError(f"{path}: no picture has a caption; {REMEDY}.")
    problems += [Problem(f"{path}: image {id}", "has no caption.") for id in names if id not in captions]
    problems += [Problem(f"{path}: image {id}", "is captioned but not listed.") for id in captions if id not in names]
    return Listed(examples, problems)
