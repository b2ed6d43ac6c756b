"""synth:scenes: one to three drawn shapes with colours, sizes and places, described in five ways."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from scriba.core.example import Example
from scriba.datasets.synthetic import Recipe, pick

SIDE = 128
"""Pixels along each side."""
OVERSAMPLING = 2
"""Drawn so many times larger and scaled down, for smooth edges."""
CAPTIONS = 5
COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (210, 40, 40), "green": (40, 150, 60), "blue": (45, 80, 200), "yellow": (235, 205, 50),
    "purple": (130, 60, 160), "orange": (240, 135, 30), "black": (30, 30, 30), "pink": (240, 140, 180),
}  # fmt: skip
SIZES: Mapping[str, float] = {"small": 0.11, "large": 0.2}
"""Half the side of a shape, as a share of the picture's."""
SIZE_WORDS = {"small": ("small", "little"), "large": ("large", "big")}


class Place(NamedTuple):
    """Where a shape may lie: its centre, how that is called, the opposite place, and how one lies to what is there."""

    centre: tuple[float, float]
    words: tuple[str, str]
    opposite: str
    relations: tuple[str, str]


PLACES = {
    "left": Place((0.24, 0.5), ("on the left", "at the left side"), "right", ("to the left of", "left of")),
    "right": Place((0.76, 0.5), ("on the right", "at the right side"), "left", ("to the right of", "right of")),
    "top": Place((0.5, 0.24), ("at the top", "in the upper part"), "bottom", ("above", "over")),
    "bottom": Place((0.5, 0.76), ("at the bottom", "in the lower part"), "top", ("below", "under")),
}


class Shape(NamedTuple):
    """A drawn thing: its kind, colour, size and place, each by its name."""

    kind: str
    colour: str
    size: str
    place: str


POLYGONS = {
    "square": (4, math.pi / 4, 1.0),
    "triangle": (3, -math.pi / 2, 1.0),
    "star": (10, -math.pi / 2, 0.42),
    "diamond": (4, 0.0, 1.0),
}
"""Number of corners, angle of the first, and how far every second one reaches."""
KINDS = ("circle", "ring", *POLYGONS)


def make_example(id: str, rng: np.random.Generator, split: str) -> Example:
    """Draw a scene and describe it."""
    shapes = compose(rng)
    buffer = io.BytesIO()
    render(shapes, rng).save(buffer, "PNG")
    return Example(id, buffer.getvalue(), describe(shapes, rng), {"shapes": [tuple(shape) for shape in shapes]})


def compose(rng: np.random.Generator) -> list[Shape]:
    """Draw one to three shapes, each in a place of its own; two of them lie opposite each other."""
    count = int(rng.choice([1, 2, 3], p=[0.25, 0.5, 0.25]))
    first = pick(rng, list(PLACES))
    second = PLACES[first].opposite
    places = [first, second, pick(rng, [place for place in PLACES if place not in (first, second)])][:count]
    shapes: list[Shape] = []
    for place in places:
        shape = Shape(pick(rng, KINDS), pick(rng, list(COLOURS)), pick(rng, list(SIZES)), place)
        while any(shape[:2] == other[:2] for other in shapes):  # else "the red circle" could be either
            shape = shape._replace(kind=pick(rng, KINDS), colour=pick(rng, list(COLOURS)))
        shapes.append(shape)
    return shapes


def render(shapes: Sequence[Shape], rng: np.random.Generator) -> Image.Image:
    """Draw shapes on light paper, each a little off its place, with a little noise."""
    side = SIDE * OVERSAMPLING
    paper = tuple(int(value) for value in rng.integers(215, 256, 3))
    image = Image.new("RGB", (side, side), paper)
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        x, y = (side * (centre + rng.uniform(-0.05, 0.05)) for centre in PLACES[shape.place].centre)
        radius = side * SIZES[shape.size] * rng.uniform(0.9, 1.1)
        colour = tuple(int(np.clip(value + rng.integers(-20, 21), 0, 255)) for value in COLOURS[shape.colour])
        if shape.kind in POLYGONS:
            draw.polygon(corners(shape.kind, x, y, 1.25 * radius), fill=colour)
        elif shape.kind == "circle":
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        else:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=round(0.38 * radius))
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    return Image.fromarray(np.clip(small + rng.normal(0, 4, small.shape), 0, 255).astype(np.uint8))


def corners(kind: str, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Return the corners of a regular polygon, or of a star."""
    count, turn, inner = POLYGONS[kind]
    angles = [turn + 2 * math.pi * i / count for i in range(count)]
    reaches = [radius * (inner if i % 2 else 1.0) for i in range(count)]
    return [(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, reaches, strict=True)]


def describe(shapes: Sequence[Shape], rng: np.random.Generator) -> tuple[str, ...]:
    """Return five differently worded captions."""
    make = {1: one, 2: two, 3: three}[len(shapes)]
    captions: list[str] = []
    while len(captions) < CAPTIONS:
        caption = make(shapes, rng)
        if caption not in captions:
            captions.append(caption)
    return tuple(captions)


def one(shapes: Sequence[Shape], rng: np.random.Generator) -> str:
    """Describe one shape."""
    (shape,) = shapes
    name, place = named(shape, rng), pick(rng, PLACES[shape.place].words)
    return pick(rng, [f"{name} {place}", f"there is {name} {place}", f"{name} is {place}", f"{place} is {name}"])


def two(shapes: Sequence[Shape], rng: np.random.Generator) -> str:
    """Describe two shapes by how they lie to each other."""
    first, second = shapes if rng.random() < 0.5 else (shapes[1], shapes[0])
    a, b, relation = named(first, rng), named(second, rng), pick(rng, PLACES[first.place].relations)
    apart = f"{a} {pick(rng, PLACES[first.place].words)} and {b} {pick(rng, PLACES[second.place].words)}"
    return pick(rng, [f"{a} {relation} {b}", f"{a} is {relation} {b}", f"there is {a} {relation} {b}", apart])


def three(shapes: Sequence[Shape], rng: np.random.Generator) -> str:
    """Describe three shapes: two by how they lie to each other, and the third by its place."""
    name, place = named(shapes[2], rng), pick(rng, PLACES[shapes[2].place].words)
    return pick(rng, [f"{two(shapes[:2], rng)} and {name} {place}", f"{two(shapes[:2], rng)} with {name} {place}"])


def named(shape: Shape, rng: np.random.Generator) -> str:
    """Return a shape with its article, size and colour."""
    return f"a {pick(rng, SIZE_WORDS[shape.size])} {shape.colour} {shape.kind}"


SCENES = Recipe("scenes", "image", {"train": 2000, "dev": 200, "test": 300}, make_example)
