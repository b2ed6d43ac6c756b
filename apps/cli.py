"""The `scriba` command: finds the command that was named and hands it the rest of the line."""

import importlib
import sys
from collections.abc import Mapping, Sequence

from scriba.core.errors import nearest

COMMANDS: Mapping[str, Mapping[str, str]] = {
    "asr": {
        "train": "train a speech recogniser",
        "eval": "score one on data",
        "tune": "choose how one decodes",
        "transcribe": "audio files to text",
        "align": "where the words of a known text lie",
    },
    "ocr": {
        "train": "train a recogniser of text lines",
        "eval": "score one on data",
        "tune": "choose how one decodes",
        "read": "pictures of lines and pages to text",
        "align": "where the words of a known text lie",
    },
    "caption": {
        "train": "train a captioner",
        "eval": "score one on data",
        "tune": "choose how one decodes",
        "describe": "pictures to captions",
    },
    "lm": {
        "train": "train a language model",
        "eval": "its perplexity on texts",
    },
    "data": {
        "check": "what of a source can be used, what not and why",
        "preview": "a contact sheet of its examples",
    },
    "model": {
        "info": "what a model is",
        "calibrate": "confidences that mean what they say",
        "average": "the mean of two models",
        "narrow": "a line model with fewer channels and units",
    },
}
"""The commands by group; each is the module scriba.GROUP.COMMAND."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `scriba GROUP COMMAND …`; returns the exit status: 0 done, 1 failed, 2 wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else 2
    if words[0] == "--version":
        from scriba import __version__

        print(f"scriba {__version__}")
        return 0
    if words[0] not in COMMANDS:
        return _refuse(words[0], "command", list(COMMANDS))
    commands = COMMANDS[words[0]]
    if len(words) == 1 or words[1] in ("-h", "--help"):
        print(usage(words[0]))
        return 0 if len(words) > 1 else 2
    if words[1] not in commands:
        return _refuse(f"{words[0]} {words[1]}", "command", [f"{words[0]} {c}" for c in commands])
    status: int = importlib.import_module(f"scriba.{words[0]}.{words[1]}").main(words[2:])
    return status


def usage(group: str | None = None) -> str:
    """Return the list of commands, of one group or of all."""
    rows = [f"  scriba {g} {c:<12} {text}" for g in ([group] if group else COMMANDS) for c, text in COMMANDS[g].items()]
    head = ["usage: scriba GROUP COMMAND [options]", "", "commands (each has --help with an example):"]
    return "\n".join([*head, *rows])


def _refuse(typed: str, kind: str, valid: Sequence[str]) -> int:
    hint = nearest(typed, valid)
    print(f"scriba: unknown {kind} '{typed}'; use one of {', '.join(valid)}.{hint}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
