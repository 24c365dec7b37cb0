#!/usr/bin/env python3
"""Records what PyTorch's optimizers do, for the product's tests.

Usage: record_optimizers.py FILE.json. Needs PyTorch; takes a second.
"""

import json
import sys

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS = 6
SHAPES = {"0.weight": (3, 4), "0.bias": (3,), "2.weight": (2, 3), "2.bias": (2,)}
RATE = 0.02

CASES = [
    ("sgd", dict(momentum=0.9, nesterov=True, weight_decay=5e-4), {}),
    ("adam", dict(), {}),
    ("adam", dict(betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1), {}),
    ("adamw", dict(weight_decay=0.1), {}),
    ("sgd", dict(momentum=0.9), dict(clip=0.5)),
    ("adamw", dict(weight_decay=0.05), dict(clip=2.0, average=0.75)),
    ("sgd", dict(weight_decay=0.1), dict(bias_rate=2.0, last_rate=0.1, decay_weights_only=True)),
    ("adam", dict(weight_decay=0.1), dict(bias_rate=0.5, decay_weights_only=True, one_cycle=0.4)),
]


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(7)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2)
        )

    def named(self):
        return {name.removeprefix("layers."): p for name, p in self.named_parameters()}


def groups(model, settings, how):
    """One group a parameter, so that rates and decay may differ."""
    decay = settings.get("weight_decay", 0)
    result = []
    for name, p in model.named().items():
        bias = name.endswith("bias")
        factor = how.get("bias_rate", 1) if bias else 1
        factor *= how.get("last_rate", 1) if name.startswith("2.") else 1
        result.append(
            dict(
                params=[p],
                lr=RATE * factor,
                weight_decay=0 if bias and how.get("decay_weights_only") else decay,
            )
        )
    return result


def record(kind, settings, how):
    model = Model()
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    optimizer = kinds[kind](groups(model, settings, how), lr=RATE, **settings)
    schedule = None
    rates = [RATE] * STEPS
    if "one_cycle" in how:
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=[g["lr"] for g in optimizer.param_groups],
            total_steps=STEPS,
            pct_start=how["one_cycle"],
            cycle_momentum=False,
        )
        rates = []
    averaged = None
    if "average" in how:
        averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(how["average"]))
    random = torch.Generator().manual_seed(11)
    initial = {n: p.detach().clone() for n, p in model.named().items()}
    steps = []
    for _ in range(STEPS):
        gradients = {}
        for name, p in model.named().items():
            p.grad = torch.randn(p.shape, generator=random)
            gradients[name] = p.grad.flatten().tolist()
        if "clip" in how:
            clip_grad_norm_(model.parameters(), how["clip"])
        if schedule:
            rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule:
            schedule.step()
        values = {n: p.detach().flatten().tolist() for n, p in model.named().items()}
        step = dict(gradients=gradients, parameters=values)
        if averaged:
            averaged.update_parameters(model)
            step["averages"] = {
                n: p.detach().flatten().tolist() for n, p in averaged.module.named().items()
            }
        steps.append(step)
    return dict(
        optimizer=kind,
        settings=settings,
        how=how,
        rates=rates,
        initial={n: p.flatten().tolist() for n, p in initial.items()},
        steps=steps,
    )


def main(file):
    cases = [record(*case) for case in CASES]
    with open(file, "w", encoding="utf-8") as out:
        out.write(
            json.dumps(dict(torch=torch.__version__, shapes=SHAPES, rate=RATE, cases=cases))
        )
        out.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
