"""Command lines that name a model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from scriba.core.command import OptionParser, parse_config
from scriba.core.files import Bundle, read_json, write_json
from scriba.core.precision import Device, Precision
from scriba.core.ranges import Size
from scriba.core.recogniser import Recogniser
from scriba.core.search import DecodingConfig
from scriba.loading import check_task, open_bundle, open_recogniser, read_config


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and where it runs.

    Args:
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
    """

    model: str = ""
    device: Device = "auto"
    precision: Precision = "auto"


@dataclass(frozen=True)
class DecodingOptions(ModelOptions):
    """And how it decodes.

    Args:
        decoding: How text is found; defaults are those of the model.
        batch_size: Inputs in a batch at most.
    """

    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    batch_size: Size = 16


Options = TypeVar("Options", bound=DecodingOptions)
MODEL = "Bundle folder, name of a bundled model, or hf:owner/name."


def parse_for_model(
    parser: OptionParser, config: type[Options], argv: Sequence[str], task: str
) -> tuple[Bundle, Options]:
    """Open the model that a command line names, and parse the line with the model's own decoding as the default.

    Raises:
        InputError: There is no such model, or it is one of another app.
        UsageError: An option or a value is wrong.
    """
    bundle = open_bundle(parse_config(parser, config, argv).model)
    check_task(bundle, task)
    parser.set_defaults({f"decoding.{name}": value for name, value in asdict(read_config(bundle).decoding).items()})
    return bundle, parse_config(parser, config, argv)


def open_for(parser: OptionParser, config: type[Options], argv: Sequence[str], task: str) -> tuple[Recogniser, Options]:
    """Build the model that a command line names, decoding as the line says.

    Raises:
        InputError: There is no such model, it is damaged, or it is one of another app.
        UsageError: An option or a value is wrong.
    """
    bundle, options = parse_for_model(parser, config, argv, task)
    return open_recogniser(bundle, options.decoding, options.device, options.precision), options


def keep_decoding(bundle: Bundle, decoding: DecodingConfig) -> None:
    """Write how text is found into the config of a bundle on disk, as its default from now on."""
    path = bundle.path / "config.json"
    write_json(path, {**read_json(path, "copy the model folder again"), "decoding": asdict(decoding)})
