"""How well pages are read: errors in the right order and in any, words found and invented, lines found.

A page is compared as a whole: line ends count as spaces, so that it does not matter how lines were cut. In any order,
errors are counted as in the flexible character accuracy of Clausner, Pletschacher & Antonacopoulos (2020): pieces of
the truth find the pieces of the result most like them, wherever they stand, and what is left over is wrong.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein
from scipy.optimize import linear_sum_assignment

from scriba.datasets.true_page import Points

ALIKE = 70.0
"""Least likeness, in percent, of whole lines that are taken for the same."""
PARTLY_ALIKE = 55.0
"""Least likeness of a line, or the rest of one, and a part of another."""
OVERLAP = 0.5
"""Share of a line that a box has to cover."""


@dataclass(frozen=True)
class PageScore:
    """Counts of one page; those of several add up.

    Attributes:
        characters: Characters of the truth.
        errors: Characters that are missing, wrong or too many, in the order of the truth.
        errors_any_order: The same, wherever pieces of the text stand.
        words: Words of the truth.
        words_found: Those of them that are in the result, each as often as it is there.
        words_read: Words of the result.
        lines: Lines of the truth whose place is known.
        lines_found: Those of them that have a box of the result of their own.
        empty: Pages without any text.
        invented: Characters read on these.
        seconds: Time of reading.
        pages: How many they are.
    """

    characters: int = 0
    errors: int = 0
    errors_any_order: int = 0
    words: int = 0
    words_found: int = 0
    words_read: int = 0
    lines: int = 0
    lines_found: int = 0
    empty: int = 0
    invented: int = 0
    seconds: float = 0.0
    pages: int = 1


def score_page(
    truth: Sequence[str],
    read: Sequence[str],
    simplify: Callable[[str], str],
    seconds: float = 0.0,
    outlines: Sequence[Points] = (),
    boxes: Sequence[Sequence[float]] = (),
) -> PageScore:
    """Compare what was read on a page with what stands there.

    Args:
        truth: The true lines, in reading order.
        read: The lines that were read, in the order in which they came.
        simplify: Normalisation of both.
        seconds: Time it took.
        outlines: Where the true lines are, if that is known.
        boxes: Left, top, right and bottom of the lines that were read, in the same picture.
    """
    true_text, text = (" ".join(simplify("\n".join(lines)).split()) for lines in (truth, read))
    errors = Levenshtein.distance(true_text, text)
    words, words_read = Counter(true_text.split()), Counter(text.split())
    empty = not true_text
    return PageScore(
        characters=len(true_text),
        errors=errors,
        errors_any_order=min(errors, errors_in_any_order(*(list(map(simplify, lines)) for lines in (truth, read)))),
        words=words.total(),
        words_found=(words & words_read).total(),
        words_read=words_read.total(),
        lines=len(outlines),
        lines_found=lines_found(outlines, boxes),
        empty=int(empty),
        invented=len(text) if empty else 0,
        seconds=seconds,
    )


def added(scores: Sequence[PageScore]) -> PageScore:
    """Return the counts of several pages together."""
    names = PageScore.__dataclass_fields__
    return PageScore(**{name: sum(getattr(score, name) for score in scores) for name in names})


def rates(score: PageScore) -> dict[str, float]:
    """Return what a report tells of a page or of several; shares in percent, left out where they are of nothing.

    Keys are `cer` (in order), `cer_any_order`, `words_found` of the true words, `words_invented` of the words read,
    `lines_found` of the lines whose place is known, `seconds_per_page`, and counts: `pages`, `characters`,
    `empty_pages`, which have no text, and `invented_characters` on those.
    """
    shares = {
        "cer": (score.errors, score.characters),
        "cer_any_order": (score.errors_any_order, score.characters),
        "words_found": (score.words_found, score.words),
        "words_invented": (score.words_read - score.words_found, score.words_read),
        "lines_found": (score.lines_found, score.lines),
    }
    result = {name: 100 * part / whole for name, (part, whole) in shares.items() if whole}
    result |= {"pages": score.pages, "characters": score.characters}
    result |= {"empty_pages": score.empty, "invented_characters": score.invented}
    return result | {"seconds_per_page": score.seconds / max(score.pages, 1)}


def errors_in_any_order(truth: Sequence[str], read: Sequence[str]) -> int:
    """Return how many characters are missing, wrong or too many when pieces of text may stand anywhere.

    Equal lines meet first, then like ones, then lines and parts of others. What is left of the truth is missing and
    what is left of the result too much; one may stand for the other, as a wrong character does in an edit distance.
    """
    true_lines, lines = Counter(filter(None, truth)), Counter(filter(None, read))
    rest, rest_read = (list((a - b).elements()) for a, b in ((true_lines, lines), (lines, true_lines)))
    errors = 0
    for i, j in _like_pairs(rest, rest_read):
        errors += Levenshtein.distance(rest[i], rest_read[j])
        rest[i] = rest_read[j] = ""
    rest, rest_read = list(filter(None, rest)), list(filter(None, rest_read))
    errors += _errors_of_parts(rest, rest_read)
    return errors + max(sum(map(len, rest)), sum(map(len, rest_read)))


def _like_pairs(truth: Sequence[str], read: Sequence[str]) -> list[tuple[int, int]]:
    """Return pairs of like lines, each in one at most, that are most alike together."""
    if not truth or not read:
        return []
    likeness = process.cdist(truth, read, scorer=Levenshtein.normalized_similarity, score_cutoff=ALIKE / 100)
    pairs = zip(*linear_sum_assignment(likeness, maximize=True), strict=True)
    return [(int(i), int(j)) for i, j in pairs if likeness[i, j] > 0]


def _errors_of_parts(truth: list[str], read: list[str]) -> int:
    """Take out the parts of both that are like each other, best first, and return the errors within them."""
    errors = 0
    gains = _gains(truth, read)
    while gains.size and gains.max() > 0:
        i, j = (int(k) for k in np.unravel_index(gains.argmax(), gains.shape))
        place = fuzz.partial_ratio_alignment(truth[i], read[j])
        assert place is not None
        true_part, part = truth[i][place.src_start : place.src_end], read[j][place.dest_start : place.dest_end]
        errors += Levenshtein.distance(true_part, part)
        fresh = [truth[i][: place.src_start].strip(), truth[i][place.src_end :].strip()]
        fresh_read = [read[j][: place.dest_start].strip(), read[j][place.dest_end :].strip()]
        del truth[i], read[j]
        gains = np.delete(np.delete(gains, i, 0), j, 1)
        for text in filter(None, fresh):
            truth.append(text)
            gains = np.concatenate([gains, _gains([text], read)], 0)
        for text in filter(None, fresh_read):
            read.append(text)
            gains = np.concatenate([gains, _gains(truth, [text])], 1)
    return errors


def _gains(truth: Sequence[str], read: Sequence[str]) -> NDArray[np.float64]:
    """Return how many characters more are right than wrong when two texts, or parts of them, are taken together."""
    if not truth or not read:
        return np.zeros((len(truth), len(read)))
    likeness = process.cdist(truth, read, scorer=fuzz.partial_ratio, score_cutoff=PARTLY_ALIKE, dtype=np.float64)
    shorter = np.minimum.outer([len(text) for text in truth], [len(text) for text in read])
    return np.where(likeness > 0, shorter * (2 * likeness / 100 - 1), 0)


def lines_found(outlines: Sequence[Points], boxes: Sequence[Sequence[float]]) -> int:
    """Return how many lines have a box of their own that covers half of them or more."""
    if not outlines or not boxes:
        return 0
    true_boxes = np.array([[*points.min(0), *points.max(0)] for points in outlines])[:, None]
    read_boxes = np.array(boxes, np.float64)[None]
    sides = np.minimum(true_boxes[..., 2:], read_boxes[..., 2:]) - np.maximum(true_boxes[..., :2], read_boxes[..., :2])
    area = (true_boxes[..., 2:] - true_boxes[..., :2]).prod(-1)
    covered = np.maximum(sides, 0).prod(-1) >= OVERLAP * np.maximum(area, 1e-9)
    return int(covered[linear_sum_assignment(covered, maximize=True)].sum())


def turned(points: Points, degrees: float, size: tuple[int, int], turned_size: tuple[int, int]) -> Points:
    """Return places of a picture (width, height) on the page that was made upright by turning it about its middle."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    old, new = (np.array(whole, np.float64) / 2 for whole in (size, turned_size))
    return (points - old) @ np.array([[c, s], [-s, c]]).T + new
