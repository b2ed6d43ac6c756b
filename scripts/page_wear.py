"""What becomes of a rendered page before it is a file: print on the other side, skew, curl, light, noise, compression.

Each step takes and returns a sheet, whose lines move with its pixels, and draws from its generator.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Pixels = NDArray[np.float32]
"""Colours (height, width, 3), 0 black, 255 white."""
Points = NDArray[np.float64]
"""Places (n, 2), x before y."""


@dataclass(frozen=True)
class Line:
    """A line of print: its text, outline and baseline, its block, and its row if it is a cell of a table."""

    text: str
    outline: Points
    baseline: Points
    block: int = 0
    row: int | None = None


@dataclass(frozen=True)
class Sheet:
    """The picture of a page, with where its lines are; `em` are the pixels of its usual letter size."""

    pixels: Pixels
    lines: tuple[Line, ...]
    em: float


Step = Callable[[Sheet, np.random.Generator], Sheet]


def moved(sheet: Sheet, size: tuple[int, int], back: Callable[[Points], Points], forth: Callable[[Points], Points],
          paper: Sequence[float] = (255, 255, 255)) -> Sheet:  # fmt: skip
    """Move every pixel: `back` leads from places of the new picture (height, width) to the old ones, `forth` on."""
    ys, xs = np.mgrid[: size[0], : size[1]]
    old = back(np.stack([xs.ravel(), ys.ravel()], 1).astype(np.float64))[:, ::-1].T.reshape(2, *size)
    layers = [
        ndimage.map_coordinates(sheet.pixels[..., k], old, order=1, mode="constant", cval=paper[k]) for k in range(3)
    ]
    lines = [replace(n, outline=forth(n.outline), baseline=forth(n.baseline)) for n in sheet.lines]
    return replace(sheet, pixels=np.stack(layers, -1).astype(np.float32), lines=tuple(lines))


def projective(matrix: NDArray[np.float64]) -> Callable[[Points], Points]:
    """Return what moves points by a projective matrix (3, 3)."""

    def move(points: Points) -> Points:
        whole = np.c_[points, np.ones(len(points))] @ matrix.T
        return whole[:, :2] / whole[:, 2:]

    return move


def paper_of(sheet: Sheet) -> list[float]:
    """Return the usual colour of the page's edge."""
    edge = np.concatenate([sheet.pixels[:3].reshape(-1, 3), sheet.pixels[:, :3].reshape(-1, 3)])
    return [float(value) for value in np.median(edge, 0)]


def skew(degrees: float) -> Step:
    """Turn by so many degrees against the clock, on a larger sheet of the same paper."""

    def step(sheet: Sheet, rng: np.random.Generator) -> Sheet:
        high, wide = sheet.pixels.shape[:2]
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        size = math.ceil(abs(c) * high + abs(s) * wide), math.ceil(abs(c) * wide + abs(s) * high)
        turn = np.array([[c, s], [-s, c]])
        old, new = np.array([wide - 1, high - 1]) / 2, np.array([size[1] - 1, size[0] - 1]) / 2
        back, forth = (lambda p: (p - new) @ turn + old), (lambda p: (p - old) @ turn.T + new)
        return moved(sheet, size, back, forth, paper_of(sheet))

    return step


def askew(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Turn as sheets lie in a scanner, by up to a degree or two."""
    return skew(float(rng.normal(0, 0.6)))(sheet, rng)


def quarters(count: int) -> Step:
    """Turn by quarters against the clock, without loss."""

    def step(sheet: Sheet, rng: np.random.Generator) -> Sheet:
        for _ in range(count):
            wide = sheet.pixels.shape[1]

            def forth(points: Points, wide: int = wide) -> Points:
                return np.stack([points[:, 1], wide - 1 - points[:, 0]], 1)

            lines = tuple(replace(n, outline=forth(n.outline), baseline=forth(n.baseline)) for n in sheet.lines)
            sheet = replace(sheet, pixels=np.rot90(sheet.pixels), lines=lines)
        return sheet

    return step


def photographed(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Lay the page on a dark table and look at it from a side."""
    high, wide = sheet.pixels.shape[:2]
    rim = round(0.06 * wide)
    size = high + 2 * rim, wide + 2 * rim
    old = np.array([[0, 0], [wide - 1, 0], [wide - 1, high - 1], [0, high - 1]], np.float64)
    new = old + rim + rng.uniform(-0.8, 0.8, (4, 2)) * rim
    matrix = homography(old, new)
    table = rng.uniform(30, 90, 3)
    return moved(sheet, size, projective(np.linalg.inv(matrix)), projective(matrix), table)


def homography(old: Points, new: Points) -> NDArray[np.float64]:
    """Return the projective matrix that moves four points to four others."""
    rows = []
    for (x, y), (u, v) in zip(old, new, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]]
    system = np.array(rows)
    return np.append(np.linalg.solve(system[:, :8], system[:, 8]), 1.0).reshape(3, 3)


def gutter(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Let the page sink into the fold of a book at one side: lines bend there, letters narrow, light goes."""
    high, wide = sheet.pixels.shape[:2]
    left, depth, reach = rng.random() < 0.5, rng.uniform(1.5, 3.5) * sheet.em, 0.22 * wide

    def sink(x: Points) -> Points:
        return depth * np.exp(-(x if left else wide - 1 - x) / reach * 2)

    def narrow(x: Points) -> Points:  # x itself where the page is flat, up to 3 % of the width nearer to the fold
        return x + (-1 if left else 1) * 0.03 * wide * np.exp(-(x if left else wide - 1 - x) / reach * 2)

    xs = np.arange(-wide, 2 * wide, dtype=np.float64)
    into = narrow(np.clip(xs, 0, wide - 1)) + (xs - np.clip(xs, 0, wide - 1))

    def forth(points: Points) -> Points:
        return np.stack([np.interp(points[:, 0], xs, into), points[:, 1] + sink(points[:, 0])], 1)

    def back(points: Points) -> Points:
        x = np.interp(points[:, 0], into, xs)
        return np.stack([x, points[:, 1] - sink(x)], 1)

    bent = moved(sheet, (high, wide), back, forth, paper_of(sheet))
    shade = 1 - 0.75 * np.exp(-np.arange(wide) / (0.05 * wide))
    return replace(bent, pixels=bent.pixels * (shade if left else shade[::-1])[None, :, None].astype(np.float32))


def black_borders(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Add what a scanner sees beside the page: nearly black, of another width on each side, with ragged edges."""
    high, wide = sheet.pixels.shape[:2]
    top, bottom, left, right = (int(v * wide) for v in rng.uniform(0.01, 0.09, 4))
    new = np.full((high + top + bottom, wide + left + right, 3), rng.uniform(0, 30), np.float32)
    new[top : top + high, left : left + wide] = sheet.pixels
    ragged = np.cumsum(rng.normal(0, 0.4, len(new))).astype(int) + left
    for row, edge in enumerate(ragged):
        new[row, : max(0, edge)] = new[0, 0]
    move = np.array([left, top])
    lines = [replace(line, outline=line.outline + move, baseline=line.baseline + move) for line in sheet.lines]
    return replace(sheet, pixels=new, lines=tuple(lines))


def bleed(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Let the print of the other side show through, mirrored and blurred."""
    other = np.roll(sheet.pixels[:, ::-1], (round(1.5 * sheet.em), round(sheet.em)), (0, 1))
    other = ndimage.gaussian_filter(other, (0.08 * sheet.em, 0.08 * sheet.em, 0))
    return replace(sheet, pixels=np.minimum(sheet.pixels, 255 - rng.uniform(0.2, 0.4) * (255 - other)))


def aged(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Darken the paper to a warm tone, lighten the ink, both unevenly."""
    paper, ink = np.array([1, 0.97, 0.9]) * rng.uniform(215, 248), rng.uniform(15, 75)
    pixels = ink + sheet.pixels / 255 * (paper - ink) + 4 * field(sheet, rng, 12)[..., None]
    return replace(sheet, pixels=pixels.astype(np.float32))


def uneven_light(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Light the page from one side, with a soft shadow across it."""
    light = 0.78 + 0.12 * field(sheet, rng, 3) + 0.1 * field(sheet, rng, 5)
    tint = np.array([1.0, rng.uniform(0.92, 1), rng.uniform(0.8, 1)])
    return replace(sheet, pixels=(sheet.pixels * np.clip(light, 0.3, 1.1)[..., None] * tint).astype(np.float32))


def flash(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Light the middle by a flash, whose spot outshines the ink, and leave the corners dark."""
    high, wide = sheet.pixels.shape[:2]
    ys, xs = np.mgrid[:high, :wide].astype(np.float32)
    x, y = rng.uniform(0.35, 0.65) * wide, rng.uniform(0.3, 0.7) * high
    near = np.hypot(xs - x, ys - y) / wide
    pixels = sheet.pixels * (1.05 * np.exp(-((near / 0.75) ** 2)))[..., None]
    return replace(sheet, pixels=(pixels + 130 * np.exp(-((near / 0.09) ** 2))[..., None]).astype(np.float32))


def field(sheet: Sheet, rng: np.random.Generator, knots: int) -> NDArray[np.float32]:
    """Return a smooth random field over the page (height, width) of about unit size."""
    high, wide = sheet.pixels.shape[:2]
    coarse = Image.fromarray(rng.normal(0, 1, (knots, knots)).astype(np.float32))
    return np.asarray(coarse.resize((wide, high), Image.Resampling.BICUBIC))


def blur(ems: float) -> Step:
    """Blur by a share of the letter size."""

    def step(sheet: Sheet, rng: np.random.Generator) -> Sheet:
        return replace(sheet, pixels=ndimage.gaussian_filter(sheet.pixels, (ems * sheet.em, ems * sheet.em, 0)))

    return step


def noise(sigma: float) -> Step:
    """Add normal noise, grey."""

    def step(sheet: Sheet, rng: np.random.Generator) -> Sheet:
        grain = rng.normal(0, sigma, sheet.pixels.shape[:2]).astype(np.float32)
        return replace(sheet, pixels=np.clip(sheet.pixels, 0, 255) + grain[..., None])

    return step


def salt_and_pepper(share: float) -> Step:
    """Make so many of the pixels black or white."""

    def step(sheet: Sheet, rng: np.random.Generator) -> Sheet:
        drawn = rng.random(sheet.pixels.shape[:2])[..., None]
        pixels = np.where(drawn < share / 2, 0, np.where(drawn > 1 - share / 2, 255, sheet.pixels))
        return replace(sheet, pixels=pixels.astype(np.float32))

    return step


def specks(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Reduce to black and white, with specks of dirt of all sizes below a letter's."""
    high, wide = sheet.pixels.shape[:2]
    dirt = np.zeros((high, wide), bool)
    for size in (1, 2, 3):
        seeds = rng.random((high, wide)) < 8e-4 / size**2
        dirt |= ndimage.binary_dilation(seeds, iterations=size) if size > 1 else seeds
    grey = sheet.pixels.mean(-1) + rng.normal(0, 15, (high, wide))
    return replace(
        sheet, pixels=np.repeat(np.where((grey < 140) | dirt, 0.0, 255.0)[..., None], 3, 2).astype(np.float32)
    )


def bilevel(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Reduce to black and white, as a fax does."""
    grey = sheet.pixels.mean(-1) + rng.normal(0, 20, sheet.pixels.shape[:2])
    return replace(sheet, pixels=np.repeat(np.where(grey < 128, 0.0, 255.0)[..., None], 3, 2).astype(np.float32))


def jpeg(quality: int) -> Step:
    """Lose detail to JPEG."""

    def step(sheet: Sheet, rng: np.random.Generator) -> Sheet:
        buffer = io.BytesIO()
        image_of(sheet).save(buffer, "JPEG", quality=quality)
        return replace(sheet, pixels=np.asarray(Image.open(buffer).convert("RGB"), np.float32))

    return step


def image_of(sheet: Sheet) -> Image.Image:
    """Return the sheet as a picture, grey where it has no colours."""
    image = Image.fromarray(np.clip(np.round(sheet.pixels), 0, 255).astype(np.uint8))
    grey = np.ptp(np.asarray(image).astype(np.int16), axis=2).max() == 0
    return image.convert("L") if grey else image
