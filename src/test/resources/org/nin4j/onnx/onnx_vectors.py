"""Writes test vectors of the ONNX project as JSON, one case a line.

python3 onnx_vectors.py FOLDER < cases.txt > vectors.json

FOLDER is onnx/backend/test/data, or /usr/share/libonnx-testdata/data of Debian's package. The files are
protocol buffers; the few fields that matter are read here as onnx.proto numbers them.
"""

import json
import os
import struct
import sys


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(data):
    """Every (number, value) of a message; values are integers or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
            value = signed(value)
        else:
            length, at = {1: (8, at), 5: (4, at)}.get(kind) or varint(data, at)
            value = data[at : at + length]
            at += length
        yield key >> 3, value


def integers(values):
    """A repeated integer field, packed or not."""
    for value in values:
        if isinstance(value, int):
            yield value
        else:
            at = 0
            while at < len(value):
                number, at = varint(value, at)
                yield signed(number)


def all_of(message, number):
    return [value for n, value in message if n == number]


def tensor(data):
    """TensorProto: dims 1, data_type 2 (float 1, int32 6, int64 7), float_data 4, int64_data 7, raw_data 9."""
    message = list(fields(data))
    shape = list(integers(all_of(message, 1)))
    code = {1: "f", 6: "i", 7: "q"}[all_of(message, 2)[0]]
    raw = b"".join(all_of(message, 9) or (all_of(message, 4) if code == "f" else []))
    values = [v for (v,) in struct.iter_unpack("<" + code, raw)]
    if not values and code != "f":
        values = list(integers(all_of(message, 7) or all_of(message, 5)))
    if code == "f":
        values = [float("%.9g" % v) for v in values]
    return {"shape": shape, "values": values}


def attribute(data):
    """AttributeProto: name 1, f 2, i 3, s 4, ints 8."""
    message = list(fields(data))
    name = all_of(message, 1)[0].decode()
    for number, value in message:
        if number == 2:
            return name, float("%.9g" % struct.unpack("<f", value))
        if number == 3:
            return name, value
        if number == 4:
            return name, value.decode()
    return name, list(integers(all_of(message, 8)))


def case(folder, name):
    path = os.path.join(folder, name)
    with open(os.path.join(path, "model.onnx"), "rb") as file:
        model = list(fields(file.read()))
    graph = list(fields(all_of(model, 7)[0]))
    (node,) = all_of(graph, 1)
    node = list(fields(node))
    initializers = {}
    for data in all_of(graph, 5):
        initializers[all_of(list(fields(data)), 8)[0].decode()] = tensor(data)
    data = os.path.join(path, "test_data_set_0")

    def read(kind):
        count = len([f for f in os.listdir(data) if f.startswith(kind)])
        result = []
        for i in range(count):
            with open(os.path.join(data, "%s_%d.pb" % (kind, i)), "rb") as file:
                result.append(tensor(file.read()))
        return result

    given = read("input")
    names = [all_of(list(fields(v)), 1)[0].decode() for v in all_of(graph, 11)]
    given = dict(zip([n for n in names if n not in initializers], given))
    inputs = [(initializers | given)[n.decode()] for n in all_of(node, 1) if n]
    return {
        "name": name,
        "operator": all_of(node, 4)[0].decode(),
        "attributes": dict(attribute(a) for a in all_of(node, 5)),
        "inputs": inputs,
        "outputs": read("output"),
    }


def main():
    folder = sys.argv[1]
    names = sys.stdin.read().split()
    cases = [json.dumps(case(folder, name), separators=(",", ":")) for name in names]
    print("[\n" + ",\n".join(cases) + "\n]")


main()
