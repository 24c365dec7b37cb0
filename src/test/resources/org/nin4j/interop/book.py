#!/usr/bin/env python3
"""The networks of "Dive into Deep Learning" in its PyTorch code, and those made from them.

    book.py check DIR NAME ...    for each network, with DIR/NAME.safetensors (our export) and
                                  DIR/NAME.images.safetensors (one tensor, images):
                                  loads the export with load_state_dict(strict=True) and writes
                                  DIR/NAME.answers.safetensors with its logits, "ours", and those
                                  of a module with weights of PyTorch's own, "theirs", which go to
                                  DIR/NAME.theirs.safetensors in F32, F64, F16 or BF16 by turns
    book.py record FILE           writes a small such file with images and logits for lenet-bn

What is the book's is from chapters 7 and 8 (https://d2l.ai); lazy layers take their input's size.
"""

import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def conv(channels, kernel, stride=1, padding=0, norm=False):
    layers = [nn.LazyConv2d(channels, kernel, stride, padding)]
    return layers + ([nn.LazyBatchNorm2d()] if norm else []) + [nn.ReLU()]


def nin_block(channels, kernel, stride, padding, norm=False, inner=2, last=None):
    layers = conv(channels, kernel, stride, padding, norm)
    for i in range(inner):
        layers += conv(last if last and i == inner - 1 else channels, 1, norm=norm)
    return nn.Sequential(*layers)


def nin(blocks, norm=False, classes=10):
    layers = []
    for block in blocks:
        layers += [nin_block(*block, norm=norm), nn.MaxPool2d(3, stride=2)]
    return nn.Sequential(
        *layers,
        nn.Dropout(0.5),
        nin_block(classes, 3, 1, 1, norm=norm),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )


FOUR = [(96, 11, 4, 0), (256, 5, 1, 2), (384, 3, 1, 1)]
FIVE = [(64, 3, 2, 1), (256, 3, 1, 1), (256, 3, 1, 1), (384, 3, 1, 1)]


def staged(numbers, classes=10):
    layers = []
    for channels, convolutions in zip([64, 128, 256, 512, 512], numbers):
        layers += [nin_block(channels, 3, 1, 1, inner=convolutions - 1), nn.MaxPool2d(3, stride=2)]
    return nn.Sequential(
        *layers,
        nn.Dropout(0.5),
        nin_block(classes, 3, 1, 1),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )


def mini():
    return nn.Sequential(
        nin_block(16, 5, 2, 2),
        nn.MaxPool2d(3, stride=2),
        nin_block(32, 3, 1, 1),
        nn.Dropout(0.1),
        nn.LazyConv2d(10, 1),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )


def cifar_block(channels, kernel, padding):
    first, second, third = channels
    return nn.Sequential(*conv(first, kernel, 1, padding), *conv(second, 1), *conv(third, 1))


def cifar():
    return nn.Sequential(
        cifar_block([192, 160, 96], 5, 2),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        nn.Dropout(0.5),
        cifar_block([192, 192, 192], 5, 2),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        nn.Dropout(0.5),
        cifar_block([192, 192, 10], 3, 1),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )


def lenet():
    return nn.Sequential(
        nn.LazyConv2d(6, kernel_size=5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.LazyConv2d(16, kernel_size=5),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.LazyLinear(120),
        nn.Sigmoid(),
        nn.LazyLinear(84),
        nn.Sigmoid(),
        nn.LazyLinear(10),
    )


def lenet_bn():
    return nn.Sequential(
        nn.LazyConv2d(6, kernel_size=5, padding=2),
        nn.LazyBatchNorm2d(),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.LazyConv2d(16, kernel_size=5),
        nn.LazyBatchNorm2d(),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.LazyLinear(120),
        nn.LazyBatchNorm1d(),
        nn.Sigmoid(),
        nn.LazyLinear(84),
        nn.LazyBatchNorm1d(),
        nn.Sigmoid(),
        nn.LazyLinear(10),
    )


def alexnet():
    return nn.Sequential(
        nn.LazyConv2d(96, kernel_size=11, stride=4, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.LazyConv2d(256, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.LazyConv2d(384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.LazyConv2d(384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.LazyConv2d(256, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Flatten(),
        nn.LazyLinear(4096),
        nn.ReLU(),
        nn.Dropout(p=0.5),
        nn.LazyLinear(4096),
        nn.ReLU(),
        nn.Dropout(p=0.5),
        nn.LazyLinear(10),
    )


def vgg_block(num_convs, out_channels):
    layers = []
    for _ in range(num_convs):
        layers.append(nn.LazyConv2d(out_channels, kernel_size=3, padding=1))
        layers.append(nn.ReLU())
    layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


def vgg(divisor):
    arch = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
    return nn.Sequential(
        *[vgg_block(number, channels // divisor) for number, channels in arch],
        nn.Flatten(),
        nn.LazyLinear(4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.LazyLinear(4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.LazyLinear(10),
    )


class Inception(nn.Module):
    def __init__(self, c1, c2, c3, c4):
        super().__init__()
        self.p1_1 = nn.LazyConv2d(c1, kernel_size=1)
        self.p2_1 = nn.LazyConv2d(c2[0], kernel_size=1)
        self.p2_2 = nn.LazyConv2d(c2[1], kernel_size=3, padding=1)
        self.p3_1 = nn.LazyConv2d(c3[0], kernel_size=1)
        self.p3_2 = nn.LazyConv2d(c3[1], kernel_size=5, padding=2)
        self.p4_1 = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.p4_2 = nn.LazyConv2d(c4, kernel_size=1)

    def forward(self, x):
        p1 = F.relu(self.p1_1(x))
        p2 = F.relu(self.p2_2(F.relu(self.p2_1(x))))
        p3 = F.relu(self.p3_2(F.relu(self.p3_1(x))))
        p4 = F.relu(self.p4_2(self.p4_1(x)))
        return torch.cat((p1, p2, p3, p4), dim=1)


def googlenet():
    def pool():
        return nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    b1 = nn.Sequential(nn.LazyConv2d(64, kernel_size=7, stride=2, padding=3), nn.ReLU(), pool())
    b2 = nn.Sequential(
        nn.LazyConv2d(64, kernel_size=1),
        nn.ReLU(),
        nn.LazyConv2d(192, kernel_size=3, padding=1),
        pool(),
    )
    b3 = nn.Sequential(
        Inception(64, (96, 128), (16, 32), 32), Inception(128, (128, 192), (32, 96), 64), pool()
    )
    b4 = nn.Sequential(
        Inception(192, (96, 208), (16, 48), 64),
        Inception(160, (112, 224), (24, 64), 64),
        Inception(128, (128, 256), (24, 64), 64),
        Inception(112, (144, 288), (32, 64), 64),
        Inception(256, (160, 320), (32, 128), 128),
        pool(),
    )
    b5 = nn.Sequential(
        Inception(256, (160, 320), (32, 128), 128),
        Inception(384, (192, 384), (48, 128), 128),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )
    return nn.Sequential(b1, b2, b3, b4, b5, nn.LazyLinear(10))


class Residual(nn.Module):
    def __init__(self, num_channels, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.LazyConv2d(num_channels, kernel_size=3, padding=1, stride=strides)
        self.conv2 = nn.LazyConv2d(num_channels, kernel_size=3, padding=1)
        if use_1x1conv:
            self.conv3 = nn.LazyConv2d(num_channels, kernel_size=1, stride=strides)
        else:
            self.conv3 = None
        self.bn1 = nn.LazyBatchNorm2d()
        self.bn2 = nn.LazyBatchNorm2d()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.conv3:
            x = self.conv3(x)
        y += x
        return F.relu(y)


def stem():
    return nn.Sequential(
        nn.LazyConv2d(64, kernel_size=7, stride=2, padding=3),
        nn.LazyBatchNorm2d(),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )


def resnet18():
    def block(channels, first_block=False):
        first = Residual(channels) if first_block else Residual(channels, True, 2)
        return nn.Sequential(first, Residual(channels))

    return nn.Sequential(
        stem(),
        block(64, first_block=True),
        block(128),
        block(256),
        block(512),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


class DenseBlock(nn.Module):
    def __init__(self, num_convs, num_channels):
        super().__init__()
        self.net = nn.Sequential(
            *[
                nn.Sequential(
                    nn.LazyBatchNorm2d(),
                    nn.ReLU(),
                    nn.LazyConv2d(num_channels, kernel_size=3, padding=1),
                )
                for _ in range(num_convs)
            ]
        )

    def forward(self, x):
        for blk in self.net:
            x = torch.cat((x, blk(x)), dim=1)
        return x


def densenet():
    layers = [stem()]
    channels = 64
    for i in range(4):
        layers.append(DenseBlock(4, 32))
        channels += 4 * 32
        if i != 3:
            channels //= 2
            layers.append(
                nn.Sequential(
                    nn.LazyBatchNorm2d(),
                    nn.ReLU(),
                    nn.LazyConv2d(channels, kernel_size=1),
                    nn.AvgPool2d(kernel_size=2, stride=2),
                )
            )
    return nn.Sequential(
        *layers,
        nn.LazyBatchNorm2d(),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d((1, 1)),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


NETWORKS = {
    "nin": lambda: nin(FOUR),
    "nin-bn": lambda: nin(FOUR, norm=True),
    "nin-15": lambda: nin(FIVE),
    "nin-11": lambda: staged([1, 1, 2, 2, 2]),
    "nin-16": lambda: staged([2, 2, 3, 3, 3]),
    "nin-19": lambda: staged([2, 2, 4, 4, 4]),
    "nin-mini": mini,
    "nin-cifar": cifar,
    "lenet": lenet,
    "lenet-bn": lenet_bn,
    "alexnet": alexnet,
    "vgg11": lambda: vgg(1),
    "vgg11-quarter": lambda: vgg(4),
    "googlenet": googlenet,
    "resnet18": resnet18,
    "densenet": densenet,
}


def module(name, images):
    """A module whose lazy layers know their sizes, with PyTorch's own weights."""
    torch.manual_seed(1)
    made = NETWORKS[name]()
    # In training, so that running statistics are no longer 0 and 1.
    with torch.no_grad():
        made(torch.cat((images, images.flip(0))))
    return made.eval()


def with_values_of(made, kind):
    """The module's values, rounded to a type in the module too, and in that type."""
    state = made.state_dict()
    for value in state.values():
        if value.is_floating_point():
            value.copy_(value.to(kind))
    return {n: v.to(kind) if v.is_floating_point() else v for n, v in state.items()}


def check(folder, names):
    for i, name in enumerate(names):
        images = load_file(f"{folder}/{name}.images.safetensors")["images"]
        made = module(name, images)
        theirs = with_values_of(made, TYPES[i % len(TYPES)])
        save_file(theirs, f"{folder}/{name}.theirs.safetensors", metadata={"by": "the book"})
        with torch.no_grad():
            answers = {"theirs": made(images)}
            made.load_state_dict(load_file(f"{folder}/{name}.safetensors"), strict=True)
            answers["ours"] = made(images)
        save_file(answers, f"{folder}/{name}.answers.safetensors")


def record(file):
    torch.manual_seed(2)
    images = torch.randint(0, 256, (2, 1, 28, 28)) / 255
    made = module("lenet-bn", images)
    values = with_values_of(made, torch.float16)
    with torch.no_grad():
        logits = made(images)
    save_file(values, file)
    save_file({"images": images, "logits": logits}, file.replace(".safetensors", ".answers.safetensors"))


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(sys.argv[2], sys.argv[3:])
    else:
        record(sys.argv[2])
