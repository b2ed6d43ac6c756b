"""Bundles of earlier formats, brought to the present one.

Format 1 kept the options of the loss, whose CTC weight told which heads there are; decoders that start from the mean of
the memory had a part of their own for it; hard attention kept the baseline of its training.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

FORMAT = 2
RENAMED = {"decoder.mean_start.": "decoder.start."}
"""Beginnings of the names of weights."""
GONE_WEIGHTS = ("reinforce.",)
GONE_OPTIONS = {"": ("loss",), "encoder": ("frozen",)}
"""Options by section that say nothing about how a model is used."""


def upgraded(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return config and weights of format 1 as format 2 has them."""
    named = {}
    for name, tensor in weights.items():
        old = next((old for old in RENAMED if name.startswith(old)), "")
        if not name.startswith(GONE_WEIGHTS):
            named[RENAMED.get(old, "") + name.removeprefix(old)] = tensor
    ctc, attention = (any(name.startswith(head) for name in named) for head in ("ctc.", "decoder."))
    values = {
        section: {n: v for n, v in value.items() if n not in GONE_OPTIONS.get(section, ())}
        if isinstance(value, Mapping)
        else value
        for section, value in config.items()
        if section not in GONE_OPTIONS[""]
    }
    values["heads"] = "both" if ctc and attention else "ctc" if ctc else "attention"
    return values, named
