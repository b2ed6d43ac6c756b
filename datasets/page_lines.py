"""page:DIR and alto:DIR: lines cut out of pictures of pages, where PAGE XML or ALTO files tell their places.

A line with a baseline is straightened along it; one with an outline alone keeps its shape, without its neighbours.
"""

import io
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import converted, open_picture, picture_size
from scriba.datasets.alto import page_from_alto
from scriba.datasets.listed import Problem, is_text
from scriba.datasets.page_xml import page_from_xml
from scriba.datasets.paired import IMAGES
from scriba.datasets.true_page import Points, TrueLine, file_beside, kind_of, parse_xml, scaled

ROOTS = {"page": "PcGts", "alto": "alto"}
"""The root elements of the files of a scheme; files of others are passed over."""
MARGIN = 0.1
"""Paper around a line, as a share of its height."""
FARTHEST = 1024
"""Rows above and below a baseline that belong to its line at most."""
PAGES_OPEN = 2
"""Pages whose pixels are kept: lines come page by page."""


@dataclass(frozen=True)
class Place:
    """Where a line lies: its picture, and outline and baseline in its pixels."""

    picture: Path
    line: TrueLine


class PageLines(Sequence[Example]):
    """The lines of the pages of a folder, in the order of its files; a line is cut when it is asked for.

    Pictures lie beside their files, by the name told there or the file's own, or one folder up.

    Args:
        folder: Where the files lie, directly or in folders below.
        scheme: page or alto.

    Raises:
        InputError: No line can be used.
    """

    def __init__(self, folder: Path, scheme: str) -> None:
        if not os.path.isdir(folder):
            raise InputError(f"{folder}: no such folder; check the path.")
        places: list[tuple[str, Place]] = []
        problems: list[Problem] = []
        for path in sorted(folder.rglob("*.xml")):
            try:
                if not is_text(str(path)):
                    raise InputError("the name is not UTF-8; rename it.")
                for name, found in read_places(path, scheme):
                    if isinstance(found, Place):
                        places.append((f"{path.relative_to(folder)}#{name}", found))
                    else:
                        problems.append(Problem(f"{path}, line {name}", found))
            except InputError as error:
                problems.append(Problem(str(path), str(error).removeprefix(f"{path}: ")))
        if not places:
            told = f" ({problems[0].where}: {problems[0].sentence})" if problems else ""
            raise InputError(f"{folder}: no {ROOTS[scheme]} file has lines with texts and places{told}.")
        self._places = places
        self.problems = tuple(problems)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        name, place = self._places[index]
        try:
            pixels = cut(page_pixels(place.picture), place.line)
        except InputError:
            return Example(name, place.picture, place.line.text)  # whoever opens it is told what is wrong with it
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        return Example(name, buffer.getvalue(), place.line.text)


def read_places(path: Path, scheme: str) -> Iterator[tuple[str, Place | str]]:
    """Yield the lines of a file with their ids, or a sentence on why one cannot be used; nothing for other files.

    Raises:
        InputError: The file is damaged, or its picture is missing or another.
    """
    root = parse_xml(path)
    if kind_of(root) != ROOTS[scheme]:
        return
    page = page_from_xml(root, path) if scheme == "page" else page_from_alto(root, path)
    picture = file_beside(page.image, path, IMAGES)
    if picture is None:
        raise InputError(f"has no picture {page.image or path.stem + '.png'} beside it or one folder up.")
    size = picture_size(picture)
    seen: set[str] = set()
    for number, line in enumerate(scaled(page, size), start=1):
        line = replace(line, outline=within(line.outline, size), baseline=within(line.baseline, size))
        name = line.id if line.id and line.id not in seen else f"{number}"
        seen.add(name)
        yield name, problem_of(line, size) or Place(picture, line)


def within(points: Points | None, size: tuple[int, int]) -> Points | None:
    """Return places that lie in a picture (width, height) or hardly outside; None where none lies in it."""
    if points is None or not ((points >= 0) & (points <= size)).all(1).any():
        return None
    return np.clip(points, 0, np.array(size) - 1)


def problem_of(line: TrueLine, size: tuple[int, int]) -> str | None:
    """Return a sentence on why a line cannot be used, None if it can."""
    if not line.text:
        return "has no text."
    if line.outline is None or np.ptp(line.outline, 0).min() < 1:
        return f"has no outline that encloses anything of the picture of {size[0]} x {size[1]} pixels."
    return None


@lru_cache(PAGES_OPEN)
def page_pixels(picture: Path) -> NDArray[np.uint8]:
    """Return the grey pixels of a page (height, width).

    Raises:
        InputError: The picture cannot be read.
    """
    return np.asarray(converted(open_picture(picture, str(picture)), "L", str(picture)))


def cut(page: NDArray[np.uint8], line: TrueLine) -> NDArray[np.uint8]:
    """Return the picture of a line (rows, columns): what its outline encloses, on paper, along its baseline.

    Args:
        page: Grey pixels of the page.
        line: Its places, of which the outline encloses something.
    """
    assert line.outline is not None
    (left, top), (right, bottom) = line.outline.min(0) - 1, line.outline.max(0) + 2
    corner = np.maximum([math.floor(left), math.floor(top)], 0)
    part = page[corner[1] : math.ceil(bottom), corner[0] : math.ceil(right)]
    outline = line.outline - corner
    mask = Image.new("L", (part.shape[1], part.shape[0]), 0)
    ImageDraw.Draw(mask).polygon([tuple(point) for point in outline.tolist()], fill=255, outline=255)
    paper = paper_of(part[np.asarray(mask) > 0])
    ink = np.where(np.asarray(mask) > 0, part, paper).astype(np.uint8)
    baseline = None if line.baseline is None else proper(line.baseline - corner)
    if baseline is not None:
        return straightened(ink, baseline, outline, paper)
    return np.pad(ink, max(1, round(MARGIN * len(ink))), constant_values=paper)


def paper_of(pixels: NDArray[np.uint8]) -> int:
    """Return the grey of the paper of a line: the one that is most of it, dark where print is light."""
    return int(np.median(pixels)) if pixels.size else 255


def proper(baseline: Points) -> Points | None:
    """Return a baseline without points that lie at the same place; None where it is no line, or comes back."""
    kept = baseline[np.concatenate([[True], np.hypot(*np.diff(baseline, axis=0).T) > 0.5])]
    length, extent = np.hypot(*np.diff(kept, axis=0).T).sum(), math.hypot(*np.ptp(kept, axis=0))
    return kept if 0 < length < 2 * extent else None


def straightened(page: NDArray[np.uint8], baseline: Points, outline: Points, paper: int) -> NDArray[np.uint8]:
    """Return the strip along a baseline as high as an outline reaches above and below it.

    Args:
        page: Grey pixels.
        baseline: What letters stand on, in reading direction; beyond its ends it goes straight on.
        outline: What encloses the line.
        paper: The grey around it.
    """
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(baseline, axis=0).T))])
    middles = (along[1:] + along[:-1]) / 2  # a direction for the middle of each piece, so that it turns gradually
    pieces = np.diff(baseline, axis=0) / np.diff(along)[:, None]
    places, heights = _beside(outline, baseline, along, pieces)
    low, high = np.clip([heights.min(), heights.max()], -FARTHEST, FARTHEST)
    margin = max(1.0, MARGIN * (high - low))
    xs = np.arange(places.min() - margin, places.max() + margin + 1)
    ys = np.arange(low - margin, high + margin + 1)
    beyond = np.minimum(xs, 0) + np.maximum(xs - along[-1], 0)
    inside = np.clip(xs, 0, along[-1])
    base = np.stack([np.interp(inside, along, baseline[:, k]) for k in range(2)], 1)
    base += beyond[:, None] * np.where(xs[:, None] < 0, pieces[0], pieces[-1])
    direction = np.stack([np.interp(inside, middles, pieces[:, k]) for k in range(2)], 1)
    direction /= np.maximum(np.hypot(*direction.T), 1e-6)[:, None]
    down = np.stack([-direction[:, 1], direction[:, 0]], 1)
    source = base[None] + ys[:, None, None] * down[None]
    coordinates = [source[..., 1], source[..., 0]]
    strip = ndimage.map_coordinates(page.astype(np.float32), coordinates, order=1, mode="constant", cval=paper)
    return np.clip(np.round(strip), 0, 255).astype(np.uint8)


def _beside(points: Points, baseline: Points, along: Points, pieces: Points) -> tuple[Points, Points]:
    """Return how far along a baseline points lie, beyond its ends too, and how far below it."""
    best = np.full(len(points), np.inf)
    places, heights = np.zeros(len(points)), np.zeros(len(points))
    for k, direction in enumerate(pieces):
        offset = points - baseline[k]
        length = along[k + 1] - along[k]
        at = offset @ direction
        first, last = k == 0, k == len(pieces) - 1
        within = np.clip(at, -np.inf if first else 0, np.inf if last else length)
        distance = np.hypot(*(offset - within[:, None] * direction).T)
        nearer = distance < best
        best[nearer] = distance[nearer]
        places[nearer] = (along[k] + within)[nearer]
        heights[nearer] = (offset @ np.array([-direction[1], direction[0]]))[nearer]
    return places, heights
