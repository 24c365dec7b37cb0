#!/usr/bin/env python3
"""NiN training steps in PyTorch, on one GPU or on the CPU, to be measured beside NiN4J's.

    nin_step.py measure [name=value ...]   every mode in turn: a line of JSON with a first figure as
                                           soon as it is ready, in the end one for each with all
    nin_step.py serve   [name=value ...]   one mode; `run N` on standard input runs N steps and
                                           answers with one line of JSON (for bench/Compare.java)

Settings and their defaults: mode=channels-last-bf16 batch=128 pixels=224 rounds=10 steps=50
warmup=20 modes=<all of the GPU, separated by commas>, and for the modes that begin with cpu-
precision=fp32, or bf16. Needs PyTorch 2.4 or later, with CUDA for all other modes.

The data, 60,000 random 28x28 images as bytes, lies on the device. A step, all of it in the clock:
gather 128 shuffled indices, enlarge bilinearly, scale to [0, 1], forward, loss, backward, SGD.
The bytes are not rounded after enlarging, as NiN4J does: PyTorch has no such step, and the work
is the same.
"""

import json
import resource
import statistics
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    sys.exit("nin_step.py: PyTorch is not installed; see https://pytorch.org/get-started")

DEFAULTS = {
    "mode": "channels-last-bf16",
    "modes": "",
    "batch": "128",
    "pixels": "224",
    "rounds": "10",
    "steps": "50",
    "warmup": "20",
    "precision": "",
}
IMAGES = 60_000
CLASSES = 10


class Mode:
    """How PyTorch is told to work."""

    def __init__(self, precision, channels_last, capture=False, compiled=False, device="cuda"):
        self.device = device
        self.precision = precision
        self.channels_last = channels_last
        self.capture = capture
        self.compiled = compiled


# In the order in which they are measured, the likely best first; compiling takes a minute or more.
# "graph" is the eager step in one CUDA graph; "compiled" is torch.compile's strongest mode, which
# makes graphs of its own.
MODES = {
    "channels-last-bf16-graph": Mode("bf16", True, capture=True),
    "compiled-bf16": Mode("bf16", True, compiled=True),
    "channels-last-bf16": Mode("bf16", True),
    "compiled-tf32": Mode("tf32", True, compiled=True),
    "eager-tf32": Mode("tf32", False),
    "eager-fp32": Mode("fp32", False),
}

# On the CPU, fp32 or bf16 as the setting says, with OMP_NUM_THREADS threads. The graphs of "max-autotune" are a GPU's.
CPU_MODES = ("cpu-compiled", "cpu-channels-last")


def mode_of(name, precision):
    """The mode of a name; None where there is none, or not with this precision."""
    if name in CPU_MODES and precision in ("", "fp32", "bf16"):
        return Mode(precision or "fp32", True, compiled=name == "cpu-compiled", device="cpu")
    mode = MODES.get(name)
    return mode if mode and precision in ("", mode.precision) else None


def nin_block(channels_in, channels, kernel, stride, padding):
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 1),
        nn.ReLU(inplace=True),
    ]


def nin():
    return nn.Sequential(
        *nin_block(1, 96, 11, 4, 0),
        nn.MaxPool2d(3, 2),
        *nin_block(96, 256, 5, 1, 2),
        nn.MaxPool2d(3, 2),
        *nin_block(256, 384, 3, 1, 1),
        nn.MaxPool2d(3, 2),
        nn.Dropout(0.5),
        *nin_block(384, CLASSES, 3, 1, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


class Training:
    """A network, its data on the device and its optimizer, ready to take steps."""

    def __init__(self, mode, batch, pixels):
        self.mode = mode
        self.batch = batch
        self.pixels = pixels
        tf32 = mode.precision != "fp32"
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True
        torch.manual_seed(1)
        self.device = torch.device(mode.device)
        self.model = nin().to(self.device).train()
        for module in self.model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        if mode.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.images = torch.randint(
            0, 256, (IMAGES, 1, 28, 28), dtype=torch.uint8, device=self.device
        )
        self.labels = torch.randint(0, CLASSES, (IMAGES,), device=self.device)
        self.order = torch.randperm(IMAGES, device=self.device)
        self.position = 0
        self.indices = self.order[:batch].clone()
        self.loss = torch.zeros((), device=self.device)
        self.optimizer = self._optimizer()
        self._forward = (
            torch.compile(
                self._loss,
                mode="max-autotune" if mode.device == "cuda" else "default",
                fullgraph=True,
            )
            if mode.compiled
            else self._loss
        )
        self.graph = self._capture() if mode.capture else None

    def _optimizer(self):
        parameters = self.model.parameters()
        try:
            return torch.optim.SGD(parameters, lr=0.01, fused=True)
        except (TypeError, RuntimeError):
            return torch.optim.SGD(self.model.parameters(), lr=0.01, foreach=True)

    def _loss(self, indices):
        x = self.images.index_select(0, indices).float()
        size = (self.pixels, self.pixels)
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False) / 255
        if self.mode.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        bf16 = self.mode.precision == "bf16"
        # Each weight is used once a step, so there is nothing for a cache to save.
        with torch.autocast(
            self.mode.device, dtype=torch.bfloat16, enabled=bf16, cache_enabled=False
        ):
            logits = self.model(x)
        return F.cross_entropy(logits.float(), self.labels.index_select(0, indices))

    def _update(self):
        # With no gradients there, backward writes them instead of adding: also in a graph.
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._forward(self.indices)
        loss.backward()
        self.optimizer.step()
        self.loss.copy_(loss.detach())

    def _capture(self):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(5):
                self._update()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._update()
        return graph

    def step(self):
        if self.position + self.batch > IMAGES:
            self.order.copy_(torch.randperm(IMAGES, device=self.device))
            self.position = 0
        self.indices.copy_(self.order[self.position : self.position + self.batch])
        self.position += self.batch
        if self.graph is not None:
            self.graph.replay()
        else:
            if self.mode.compiled and self.mode.device == "cuda":
                torch.compiler.cudagraph_mark_step_begin()
            self._update()

    def run(self, steps):
        """Seconds for so many steps."""
        self._wait()
        begin = time.perf_counter()
        for _ in range(steps):
            self.step()
        self._wait()
        return time.perf_counter() - begin

    def _wait(self):
        if self.mode.device == "cuda":
            torch.cuda.synchronize()

    def peak_memory_kib(self):
        """What PyTorch held on the GPU at most, or the whole process in memory."""
        if self.mode.device == "cuda":
            return torch.cuda.max_memory_reserved() // 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def versions(mode):
    if mode.device == "cpu":
        return {
            "cpu": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
        }
    return {
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def measure(settings):
    names = settings["modes"].split(",") if settings["modes"] else list(MODES)
    batch, pixels = int(settings["batch"]), int(settings["pixels"])
    rounds, steps = int(settings["rounds"]), int(settings["steps"])
    trainings, cold, times = {}, {}, {}
    for name in names:
        try:
            begin = time.perf_counter()
            mode = mode_of(name, settings["precision"] if name in CPU_MODES else "")
            training = Training(mode, batch, pixels)
            training.run(1)
            cold[name] = time.perf_counter() - begin
            training.run(int(settings["warmup"]))
            first = training.run(steps) / steps
        except Exception as error:  # A mode that this PyTorch cannot do is named and left out.
            failed = f"{type(error).__name__}: {error}"[:500]
            print(json.dumps({"mode": name, "failed": failed}), flush=True)
            continue
        # Should a later mode run out of time, this one has left a figure.
        line = {"mode": name, "firstImagesPerSecond": batch / first, "coldStartSeconds": cold[name]}
        print(json.dumps(line), flush=True)
        trainings[name], times[name] = training, []
    for _ in range(rounds):
        for name, training in trainings.items():
            restore(training.mode)
            training.run(2)
            times[name].append(training.run(steps) / steps)
    for name, seconds in times.items():
        loss = trainings[name].loss.item()
        median = statistics.median(seconds)
        line = {
            "mode": name,
            "batch": batch,
            "pixels": pixels,
            "medianSecondsPerStep": median,
            "leastSecondsPerStep": min(seconds),
            "mostSecondsPerStep": max(seconds),
            "imagesPerSecond": batch / median,
            "coldStartSeconds": cold[name],
            "loss": loss,
            "finite": loss == loss and abs(loss) != float("inf"),
            **versions(trainings[name].mode),
        }
        print(json.dumps(line), flush=True)


def restore(mode):
    """The switches are global, and the modes take turns."""
    torch.backends.cuda.matmul.allow_tf32 = mode.precision != "fp32"
    torch.backends.cudnn.allow_tf32 = mode.precision != "fp32"


def serve(settings):
    name = settings["mode"]
    mode = mode_of(name, settings["precision"])
    training = Training(mode, int(settings["batch"]), int(settings["pixels"]))
    training.run(1)
    text = (
        "PyTorch {torch}, {cpu}, {threads} threads"
        if mode.device == "cpu"
        else "PyTorch {torch}, CUDA {cuda}, cuDNN {cudnn}, {gpu}"
    ).format(**versions(mode))
    print(json.dumps({"ready": f"{name}: {text}"}, separators=(",", ":")), flush=True)
    for line in sys.stdin:
        steps = int(line.split()[1])
        seconds = training.run(steps)
        answer = {
            "steps": steps,
            "seconds": seconds,
            "loss": training.loss.item(),
            "peakMemoryKiB": training.peak_memory_kib(),
        }
        print(json.dumps(answer, separators=(",", ":")), flush=True)


def main(arguments):
    settings = dict(DEFAULTS)
    for argument in arguments[1:]:
        name, _, value = argument.partition("=")
        settings[name] = value
    if not arguments or arguments[0] not in ("measure", "serve"):
        sys.exit(__doc__)
    names = list(filter(None, [settings["mode"], *settings["modes"].split(",")]))
    for name in names:
        if name not in MODES and name not in CPU_MODES:
            known = ", ".join([*MODES, *CPU_MODES])
            sys.exit(f"nin_step.py: there is no mode {name}; there are {known}")
    if arguments[0] == "serve" and mode_of(settings["mode"], settings["precision"]) is None:
        sys.exit(f"nin_step.py: the mode {settings['mode']} is not {settings['precision']}")
    if settings.get("purpose", "train") != "train":
        sys.exit("nin_step.py: there are training steps only")
    asked = names[:1] if arguments[0] == "serve" else names[1:] or list(MODES)
    if not torch.cuda.is_available() and any(name not in CPU_MODES for name in asked):
        sys.exit("nin_step.py: this PyTorch finds no CUDA GPU; on the CPU: " + ", ".join(CPU_MODES))
    (measure if arguments[0] == "measure" else serve)(settings)


if __name__ == "__main__":
    main(sys.argv[1:])
