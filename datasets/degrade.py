"""What happens to print between the press and the file: uneven ink, dirt, skew, low resolution, compression.

Each function takes and returns a grey image, dark ink on light paper, and draws from its generator.
"""

import io
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Grey = Image.Image


def slope(image: Grey, rng: np.random.Generator, degrees: float = 1.0, shear: float = 0.08) -> Grey:
    """Turn and shear the line a little, and stretch it by up to 12 %, in one interpolation."""
    angle = math.radians(rng.normal(0, degrees / 2))
    angle = math.copysign(min(abs(angle), 0.6 * image.height / max(image.width, 1)), angle)
    slant = rng.normal(0, shear / 2)
    stretch = rng.uniform(0.88, 1.12)
    lift = abs(math.tan(angle)) * image.width
    width, height = max(1, round(image.width * stretch)), max(1, round(image.height + 0.6 * lift))
    a, b = 1 / stretch, slant
    d, e = math.tan(angle) / stretch, 1.0
    c = image.width / 2 - a * width / 2 - b * height / 2  # the centre stays where it is
    f = image.height / 2 - d * width / 2 - e * height / 2
    matrix, how = (a, b, c, d, e, f), Image.Resampling.BILINEAR
    return image.transform((width, height), Image.Transform.AFFINE, matrix, how, fillcolor=_paper(image))


def blur(image: Grey, rng: np.random.Generator) -> Grey:
    """Blur by up to 3 % of the height."""
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.03 * image.height + 0.2)))


def spread(image: Grey, rng: np.random.Generator) -> Grey:
    """Thicken or thin the strokes by about half a pixel to a pixel."""
    size = ImageFilter.MinFilter(3) if rng.random() < 0.55 else ImageFilter.MaxFilter(3)
    return Image.blend(image, image.filter(size), float(rng.uniform(0.3, 1.0 if image.height > 36 else 0.6)))


def binarise(image: Grey, rng: np.random.Generator) -> Grey:
    """Reduce to black and white at a random threshold: strokes break or run together."""
    noisy = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(0, 25), (image.height, image.width))
    low, high = np.percentile(noisy, [2, 90])
    return Image.fromarray(np.where(noisy < low + (high - low) * rng.uniform(0.35, 0.75), 0, 255).astype(np.uint8))


def coarsen(image: Grey, rng: np.random.Generator) -> Grey:
    """Lose resolution: down to 14 to 30 pixels of height and back."""
    scale = min(1.0, rng.uniform(14, 30) / image.height)
    small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    return small.resize(image.size, Image.Resampling.BILINEAR)


def compress(image: Grey, rng: np.random.Generator) -> Grey:
    """Lose detail to JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(12, 70)))
    return Image.open(buffer).convert("L")


def fade(image: Grey, rng: np.random.Generator) -> Grey:
    """Lighten the ink, darken the paper, both unevenly along the line."""
    ink, paper = rng.uniform(0, 110), rng.uniform(150, 255)
    if paper - ink < 50:
        ink = paper - 50
    pixels = ink + np.asarray(image, np.float64) / 255 * (paper - ink)
    return _grey(pixels + rng.uniform(0, 18) * _wave(image.width, rng)[None])


def grain(image: Grey, rng: np.random.Generator) -> Grey:
    """Add noise, fine or coarse."""
    step = int(rng.integers(1, 4))
    shape = (-(-image.height // step), -(-image.width // step))
    noise = rng.normal(0, rng.uniform(3, 30), shape).repeat(step, 0).repeat(step, 1)
    return _grey(np.asarray(image, np.float32) + noise[: image.height, : image.width])


def specks(image: Grey, rng: np.random.Generator) -> Grey:
    """Add dark specks on the paper and light holes in the ink."""
    result = image.copy()
    draw = ImageDraw.Draw(result)
    for _ in range(int(rng.integers(1, 4 + image.width // 60))):
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        size = rng.exponential(0.02 * image.height) + 0.3
        draw.ellipse((x - size, y - size, x + size, y + size), fill=0 if rng.random() < 0.45 else 255)
    return result


def wear(image: Grey, rng: np.random.Generator) -> Grey:
    """Print weakly here and there, as a worn ribbon or an uneven press does."""
    strength = np.clip(1 - rng.uniform(0.1, 0.5) * np.maximum(_wave(image.width, rng, 12), 0), 0.25, 1)
    ragged = np.clip(rng.normal(1.0, rng.uniform(0, 0.4), (image.height, image.width)), 0, 1)
    pixels = np.asarray(image, np.float32)
    return _grey(255 - (255 - pixels) * strength[None] * ragged)


def bleed_through(image: Grey, rng: np.random.Generator) -> Grey:
    """Show the print of the other side, mirrored and faint."""
    other = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).filter(ImageFilter.GaussianBlur(1.5))
    right, down = int(rng.integers(image.width)), int(rng.integers(-image.height, image.height) // 2)
    faint = ImageChops.offset(other, right, down).point(lambda value: 255 - int((255 - value) * 0.25))
    return ImageChops.darker(image, faint)


def rule(image: Grey, rng: np.random.Generator) -> Grey:
    """Draw a line under or through the margin of the print."""
    result = image.copy()
    y = round(rng.choice([rng.uniform(0, 0.08), rng.uniform(0.9, 1.0)]) * (image.height - 1))
    ImageDraw.Draw(result).line((0, y, image.width, y + int(rng.integers(-1, 2))), fill=int(rng.integers(0, 120)))
    return result


def clip(image: Grey, rng: np.random.Generator) -> Grey:
    """Lose the upper or lower part of a stretch of the line, as to an outline that was drawn too tightly."""
    result = image.copy()
    start, length = rng.uniform(-0.2, 0.9) * image.width, rng.uniform(0.1, 0.6) * image.width
    depths = rng.uniform(0.1, 0.5, 2) * image.height
    edge, rows = (0, depths) if rng.random() < 0.5 else (image.height, image.height - depths)
    corners = [(start, edge), (start, rows[0]), (start + length, rows[1]), (start + length, edge)]
    ImageDraw.Draw(result).polygon([(float(x), float(y)) for x, y in corners], fill=_paper(image))
    return result


def _paper(image: Grey) -> int:
    return int(np.percentile(np.asarray(image), 90))


def _wave(width: int, rng: np.random.Generator, knots: int = 5) -> NDArray[np.float64]:
    """Return a smooth random curve of about unit size."""
    return np.interp(np.linspace(0, knots - 1, width), np.arange(knots), rng.normal(0, 1, knots))


def _grey(pixels: NDArray[np.floating]) -> Grey:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


STEPS: Sequence[tuple[Callable[[Grey, np.random.Generator], Grey], float]] = (
    (slope, 0.5), (clip, 0.12), (spread, 0.3), (wear, 0.15), (bleed_through, 0.06), (specks, 0.15), (rule, 0.05),
    (blur, 0.35), (coarsen, 0.2), (fade, 0.4), (grain, 0.3), (binarise, 0.3), (compress, 0.15),
)  # fmt: skip
"""In the order in which they happen, with their probabilities."""


def degrade(image: Grey, rng: np.random.Generator, amount: float = 1.0) -> Grey:
    """Apply a random choice of all of these; `amount` is a factor on their probabilities."""
    for step, probability in STEPS:
        if rng.random() < amount * probability:
            image = step(image, rng)
    return image
