"""Finding where the words of a known text lie, for every app with a CTC head."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from scriba.commands.options import ModelOptions
from scriba.core.command import build_parser, parse_config, program
from scriba.core.training import App
from scriba.loading import check_task, open_bundle, open_recogniser


@dataclass(frozen=True)
class AlignConfig(ModelOptions):
    """Options of alignment.

    Args:
        file: What is aligned.
        text: What it says.
    """

    file: str = ""
    text: str = ""


A = TypeVar("A", bound=AlignConfig)


def align(
    app: App[Any, Any], description: str, file: str, model: str, config: type[A], write: Callable[[Any, A], None]
) -> Callable[..., int]:
    """Return the command `scriba APP align`.

    Args:
        app: The app.
        description: First lines of the help, with an example.
        file: Help of the file.
        model: Model by default.
        config: Its options.
        write: Aligns by the app's loaded model, and writes the result.
    """

    def body(words: Sequence[str]) -> int:
        positionals = {"file": file, "text": "What it says."}
        command, defaults = f"scriba {app.name} align", {"model": model}
        parser = build_parser(command, description, config, positionals=positionals, defaults=defaults)
        options = parse_config(parser, config, words)
        bundle = open_bundle(options.model)
        check_task(bundle, app.name)
        write(app.use(open_recogniser(bundle, device=options.device, precision=options.precision)), options)
        return 0

    return program(body)
