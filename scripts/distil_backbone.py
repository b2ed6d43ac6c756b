"""Train a small network from scratch to give the feature maps of a pretrained one.

    python scripts/distil_backbone.py flickr8k/train.jsonl --dev flickr8k/dev.jsonl \
        --teacher_weights mobilenet_v2.pth --student shufflenet_v2_x1_0 --run_dir runs/student

The teacher's map of every randomly cut picture is the target of a linear layer on the student's map (FitNets, Romero et
al. 2015, arXiv 1412.6550). The loss is the squared error as a share of the map's variance: 0 is a perfect copy, 1 knows
only the mean. The student's weights, without that layer, are written to RUN_DIR/student.pth after every epoch, under
torchvision's names: captioners start from them with --backbone.weights. The same command resumes after the last epoch.
On two cores: OMP_NUM_THREADS=1 torchrun --nproc_per_node 2 scripts/distil_backbone.py …
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from scriba.caption.encoder import cells_of
from scriba.caption.picture import read_pixels
from scriba.core.command import say, track
from scriba.core.example import Example
from scriba.core.files import replacing
from scriba.core.model import Backbone, BackboneConfig, theirs_of
from scriba.core.precision import autocast, resolve_device, resolve_precision
from scriba.core.training import Average, Identity, RunFolder, Standing, learning_rate, pack, unpack
from scriba.sources import open_named

Pair = tuple[Tensor, Tensor]
"""Pictures and the maps that the teacher makes of them."""


class Copyist(nn.Module):
    """A student and the layer that turns its map into one with the teacher's channels."""

    def __init__(self, student: Backbone, channels: int, wanted: int) -> None:
        super().__init__()
        self.student = student
        self.project = nn.Linear(channels, wanted)

    def forward(self, pictures_BHWC: Tensor) -> Tensor:
        return self.project(cells_of(self.student(pictures_BHWC)))


class Cuts(Dataset[Tensor]):
    """Pictures (size, size, 3): whole, or randomly cut, mirrored and tinted."""

    def __init__(self, examples: list[Example], size: int, *, vary: bool) -> None:
        self.examples, self.size = examples, size
        cut = v2.RandomResizedCrop(size, scale=(0.35, 1.0), ratio=(0.75, 1.33), antialias=True)
        tint = v2.ColorJitter(0.25, 0.25, 0.25, 0.03)
        self.vary = v2.Compose([cut, v2.RandomHorizontalFlip(), tint]) if vary else None

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Tensor:
        pixels_HWC = read_pixels(self.examples[index], self.size)
        return pixels_HWC if self.vary is None else self.vary(pixels_HWC.permute(2, 0, 1)).permute(1, 2, 0)


def unexplained(found_BTC: Tensor, wanted_BTC: Tensor, mean_C: Tensor) -> Tensor:
    """Return the squared error as a share of the variance around the mean of each channel."""
    return (found_BTC.float() - wanted_BTC).square().mean() / (wanted_BTC - mean_C).square().mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", help="source of pictures")
    parser.add_argument("--dev", required=True, help="source of pictures on which the error is told")
    parser.add_argument("--teacher", default="mobilenet_v2", help="network of torchvision (default: %(default)s)")
    parser.add_argument("--teacher_weights", default="torchvision", help="file, or torchvision's download")
    parser.add_argument("--teacher_pixels", default="imagenet", choices=("imagenet", "symmetric"))
    parser.add_argument("--teacher_same_padding", action="store_true", help="pad as TensorFlow does")
    parser.add_argument("--student", default="shufflenet_v2_x1_0", help="network (default: %(default)s)")
    parser.add_argument("--size", type=int, default=224, help="pixels along each side (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=60, help="(default: %(default)s)")
    parser.add_argument("--batch_size", type=int, default=32, help="for each process (default: %(default)s)")
    parser.add_argument("--learning_rate", type=float, default=0.002, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--run_dir", type=Path, required=True, help="folder to write to")
    options = parser.parse_args()
    device = resolve_device("auto")
    dtype = resolve_precision("auto", device)
    accelerator = Accelerator(cpu=device.type == "cpu")
    torch.manual_seed(options.seed)
    look = {"pixels": options.teacher_pixels, "same_padding": options.teacher_same_padding}
    teacher = Backbone(BackboneConfig(options.teacher, options.teacher_weights, **look))
    teacher.eval().requires_grad_(False).to(device)
    teacher.load_pretrained()
    student = Backbone(BackboneConfig(options.student, "none"))
    own, *cells = student.map_shape(options.size, options.size)
    wanted_size, *wanted_cells = teacher.map_shape(options.size, options.size)
    if cells != wanted_cells:
        raise SystemExit(f"{options.student} has a map of {cells}, {options.teacher} of {wanted_cells}.")
    copyist = Copyist(student, own, wanted_size)
    optimizer = torch.optim.AdamW(copyist.parameters(), weight_decay=0.02, fused=True)
    average, standing, folder = Average("ema", 0.998), Standing(), RunFolder(options.run_dir)
    examples = list(open_named(options.train, "image", "train").examples)
    dev = DataLoader(Cuts(list(open_named(options.dev, "image", "dev").examples), options.size, vary=False), 64)
    cuts = DataLoader(Cuts(examples, options.size, vary=True), options.batch_size, shuffle=True, drop_last=True)
    model, optimizer, cuts = accelerator.prepare(copyist, optimizer, cuts)
    if (saved := folder.load_checkpoint()) is not None:
        tensors, standing = saved
        unpack(tensors, standing, copyist, optimizer.optimizer, average)
        say(f"resuming {folder.path} after epoch {standing.epoch}")
    total = options.epochs * len(cuts)

    def pairs(pictures: DataLoader[Tensor]) -> Iterator[Pair]:
        for pictures_BHWC in pictures:
            with torch.no_grad(), autocast(device, dtype):
                wanted_BTC = cells_of(teacher(pictures_BHWC.to(device))).float()
            yield pictures_BHWC, wanted_BTC

    mean_C = torch.stack([wanted.mean((0, 1)) for _, wanted in pairs(dev)]).mean(0)
    while standing.epoch < options.epochs:
        torch.manual_seed(options.seed * 1000 + standing.epoch * 10 + accelerator.process_index)
        model.train()
        for pictures, wanted in track(pairs(cuts), f"epoch {standing.epoch + 1}", len(cuts)):
            rate = learning_rate(standing.step, total, peak=options.learning_rate, warmup=0.05, decay="cosine")
            for group in optimizer.param_groups:
                group["lr"] = rate
            with autocast(device, dtype):
                loss = unexplained(model(pictures), wanted, mean_C)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad()
            average.after_step(copyist)
            standing.step += 1
        standing.epoch += 1
        if accelerator.is_main_process:
            standing.averaged = average.steps
            path = folder.path / "student.pth"
            error = write_student(copyist, average, path, list(pairs(dev)), mean_C, dtype)
            folder.save_checkpoint(pack(copyist, optimizer.optimizer, average), standing, Identity.of({}))
            say(f"epoch {standing.epoch}: unexplained share on dev {error:.3f}, on the last batch {loss.item():.3f}")
        accelerator.wait_for_everyone()


@torch.no_grad()
def write_student(
    copyist: Copyist, average: Average, path: Path, dev: Iterable[Pair], mean_C: Tensor, dtype: torch.dtype
) -> float:
    """Write the averaged student and return its error on dev."""
    trained = {name: tensor.clone() for name, tensor in copyist.state_dict().items()}
    copyist.load_state_dict(average.weights(copyist))
    copyist.eval()
    with autocast(mean_C.device, dtype):
        errors = [float(unexplained(copyist(pictures.to(mean_C.device)), wanted, mean_C)) for pictures, wanted in dev]
    own = {theirs_of(name): tensor.cpu().half() for name, tensor in copyist.student.state_dict().items()}
    with replacing(path) as aside:
        torch.save(own, aside)
    copyist.load_state_dict(trained)
    return sum(errors) / len(errors)


if __name__ == "__main__":
    main()
