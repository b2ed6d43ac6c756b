"""What makes a run the same run: options, tokens and data; kept in checkpoints, compared on resuming."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scriba.core.command import flatten
from scriba.core.data import Report
from scriba.core.text import Tokenizer

FREE_TO_CHANGE = ("run_dir", "device", "data.workers", "training.checkpoint_every", "training.log_every")
"""Options that may differ when a run is resumed."""


@dataclass(frozen=True)
class Identity:
    """What makes a run the same run, as plain values.

    Attributes:
        options: All options by dotted name.
        tokens: What the tokenizer is made of; empty while it is not known yet.
        data: Number of examples and a name for their ids, texts and lengths, of each split; empty while not known.
    """

    options: Mapping[str, Any]
    tokens: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Mapping[str, Any], tokenizer: Tokenizer | None = None, **reports: Report) -> Identity:
        """Return that of a run, with a report on each split of its data."""
        plain = json.loads(json.dumps(flatten(options)))
        data = {name: [len(report.kept), _digest(report)] for name, report in reports.items()}
        return cls(plain, {} if tokenizer is None else tokenizer.to_json(), data)

    def changes(self, now: Identity, defaults: Identity) -> list[str]:
        """Return what another has otherwise, each as a few words; what that does not know yet is left out.

        Args:
            now: The other.
            defaults: What options are that are newer than this.
        """
        options = {**defaults.options, **self.options}
        names = sorted(options.keys() | now.options.keys())
        pairs = [(n, options.get(n), now.options.get(n)) for n in names if n not in FREE_TO_CHANGE]
        changed = [f"{name} was {old}, is {new}" for name, old, new in pairs if old != new]
        if now.tokens and self.tokens != now.tokens:
            changed.append(_other_tokens(self.tokens, now.tokens))
        for name, (count, digest) in now.data.items():
            had, known = self.data.get(name, (0, ""))
            if known != digest:
                more = f", {count} examples instead of {had}" if had != count else ""
                changed.append(f"other {name} data{more}")
        return changed


def _digest(report: Report) -> str:
    digest = hashlib.sha256()
    for example, frames in zip(report.kept, report.frames, strict=True):
        digest.update(json.dumps([example.id, example.target, frames]).encode())
    return digest.hexdigest()


def _other_tokens(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say how tokens differ: which are new and which are gone, where they are characters or words."""
    lists = [set(map(str, values.get(values.get("kind", ""), ()))) for values in (old, new)]
    parts = [
        f"{' '.join(map(repr, sorted(some)[:5]))} {told}"
        for some, told in ((lists[1] - lists[0], "new"), (lists[0] - lists[1], "gone"))
        if some
    ]
    return f"other tokens: {', '.join(parts)}" if parts else "other tokens"
