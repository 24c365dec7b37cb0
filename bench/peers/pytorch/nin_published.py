#!/usr/bin/env python3
"""Trains NiN by the book's recipe in PyTorch on one GPU, some seeds of it: how often does it fail?

    nin_published.py DATA_DIR [seeds=4] [epochs=10] [mode=channels-last-bf16-graph]

DATA_DIR has the four gzipped files of Fashion-MNIST. Prints a line of JSON for each seed: the test
accuracy after each epoch. `./nin train --recipe d2l --precision bf16 --seed N` is ours. Recipe:
224x224, batch 128, rate 0.1, no momentum, Xavier weights, PyTorch's own biases, no ReLU left out.
"""

import gzip
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from nin_step import MODES, Training

PIXELS, BATCH, RATE = 224, 128, 0.1


def read(folder, name):
    images = gzip.decompress((folder / f"{name}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{name}-labels-idx1-ubyte.gz").read_bytes())
    images = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()
    labels = np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
    return torch.from_numpy(images).cuda(), torch.from_numpy(labels).cuda()


class Published(Training):
    """The steps that are measured elsewhere, on real images, from the book's initial values."""

    def __init__(self, mode, seed, images, labels):
        self.seed = seed
        self.real = images, labels
        super().__init__(mode, BATCH, PIXELS)

    def _optimizer(self):
        # The last thing before the step is captured: data and values take their places here.
        self.images, self.labels = self.real
        torch.manual_seed(self.seed)
        for module in self.model.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
                nn.init.xavier_uniform_(module.weight)
        return torch.optim.SGD(self.model.parameters(), lr=RATE, fused=True)

    def restart(self):
        """Capturing took some steps, which are forgotten."""
        self._optimizer()
        self.order.copy_(torch.randperm(len(self.order), device=self.device))
        self.position = 0

    @torch.no_grad()
    def accuracy(self, images, labels):
        self.model.eval()
        right = 0
        for first in range(0, len(images), 500):
            x = images[first : first + 500].float()
            x = F.interpolate(x, size=(PIXELS, PIXELS), mode="bilinear", align_corners=False) / 255
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cuda", dtype=torch.bfloat16, enabled=self.mode.precision == "bf16"):
                logits = self.model(x)
            right += (logits.argmax(1) == labels[first : first + 500]).sum().item()
        self.model.train()
        return right / len(images)


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    settings = {"seeds": "4", "epochs": "10", "mode": "channels-last-bf16-graph"}
    settings.update(argument.split("=", 1) for argument in arguments[1:])
    folder = Path(arguments[0])
    train, test = read(folder, "train"), read(folder, "t10k")
    steps = len(train[0]) // BATCH
    for seed in range(1, int(settings["seeds"]) + 1):
        begin = time.perf_counter()
        training = Published(MODES[settings["mode"]], seed, *train)
        training.restart()
        accuracies = []
        for _ in range(int(settings["epochs"])):
            training.run(steps)
            accuracies.append(training.accuracy(*test))
        seconds = time.perf_counter() - begin
        print(json.dumps({"seed": seed, "testAccuracy": accuracies, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
