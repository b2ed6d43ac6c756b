"""Using a model on files, for every app."""

from collections.abc import Callable, Sequence
from typing import Any

from scriba.commands.options import Options, open_for
from scriba.core.command import build_parser, program
from scriba.core.recogniser import Recogniser
from scriba.core.training import App


def use(
    app: App[Any, Any],
    verb: str,
    description: str,
    config: type[Options],
    body: Callable[[Recogniser, Options], int],
    *,
    files: str,
    model: str,
    batch_size: int,
) -> Callable[..., int]:
    """Return the command by which an app is used.

    Args:
        app: The app.
        verb: Name of the command.
        description: First lines of the help, with an example.
        config: Its options.
        body: Recognises the files and writes the results; returns the exit status.
        files: Help of the files.
        model: Model by default.
        batch_size: Batch size by default.
    """

    def run(words: Sequence[str]) -> int:
        command, defaults = f"scriba {app.name} {verb}", {"model": model, "batch_size": batch_size}
        parser = build_parser(command, description, config, positionals={"files*": files}, defaults=defaults)
        return body(*open_for(parser, config, words, app.name))

    return program(run)
