#!/usr/bin/env python3
"""Turns Whisper weights in the layout of CTranslate2 into a ggml file, as `recognition.model` wants it.

    whisper-to-ggml.py FOLDER FILE

FOLDER holds model.bin and vocabulary.txt (float16 or float32). Nothing but Python's own library is
needed. The layouts: CTranslate2, python/ctranslate2/specs/model_spec.py; ggml, whisper.cpp,
models/convert-pt-to-ggml.py. The mel filters, which CTranslate2 leaves to its callers, are Slaney's.
"""
import math
import os
import struct
import sys

FLOAT32, FLOAT16 = 0, 4  # as CTranslate2 numbers its types
SAMPLE_HZ, FFT = 16_000, 400


def read_model(path):
    """The tensors of model.bin: name -> (type, shape, bytes)."""
    with open(path, "rb") as file:
        def take(form):
            return struct.unpack("<" + form, file.read(struct.calcsize("<" + form)))

        def text():
            (length,) = take("H")
            return file.read(length).rstrip(b"\0").decode()

        (version,) = take("I")
        if version != 6 or text() != "WhisperSpec":
            sys.exit(f"{path} is not a Whisper model of CTranslate2's format 6")
        take("I")  # the revision of the specification
        tensors = {}
        for _ in range(take("I")[0]):
            name = text()
            shape = take(f"{take('B')[0]}I")
            kind, size = take("BI")
            tensors[name] = (kind, shape, file.read(size))
        for _ in range(take("I")[0]):
            alias = text()
            tensors[alias] = tensors[text()]
        return tensors


def read_vocabulary(path):
    """The text tokens, as bytes, in their order."""
    # GPT-2 writes each byte as a printable letter.
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {chr(byte): byte for byte in kept}
    moved = (byte for byte in range(256) if byte not in kept)
    letters.update({chr(256 + place): byte for place, byte in enumerate(moved)})
    with open(path, encoding="utf-8") as file:
        tokens = [line.rstrip("\n") for line in file]
    end = tokens.index("<|endoftext|>")
    return [bytes(letters[letter] for letter in token) for token in tokens[:end]], len(tokens)


def mel_filters(count):
    """Slaney's filters, area one, as rows of FFT/2+1 numbers."""
    def hz(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)

    def mel(hz):
        return hz * 3 / 200 if hz < 1000 else 15 + math.log(hz / 1000) * 27 / math.log(6.4)

    top = mel(SAMPLE_HZ / 2)
    edges = [hz(top * place / (count + 1)) for place in range(count + 2)]
    bins = [SAMPLE_HZ * place / FFT for place in range(FFT // 2 + 1)]
    rows = []
    for low, mid, high in zip(edges, edges[1:], edges[2:]):
        rise = [(at - low) / (mid - low) for at in bins]
        fall = [(high - at) / (high - mid) for at in bins]
        rows.append([max(0.0, min(pair)) * 2 / (high - low) for pair in zip(rise, fall)])
    return rows


def as_type(kind, data, wanted):
    """The same numbers as FLOAT32 or FLOAT16."""
    if kind not in (FLOAT32, FLOAT16):
        sys.exit("only float16 and float32 weights can be turned over")
    if kind == wanted:
        return data
    size, form = (4, "f") if kind == FLOAT32 else (2, "e")
    count = len(data) // size
    numbers = struct.unpack(f"<{count}{form}", data)
    return struct.pack(f"<{count}{'e' if wanted == FLOAT16 else 'f'}", *numbers)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, target = sys.argv[1:]
    tensors = read_model(os.path.join(folder, "model.bin"))
    tokens, vocabulary = read_vocabulary(os.path.join(folder, "vocabulary.txt"))
    out = []

    def put(name, source, shape=None, part=None):
        kind, full, data = tensors[source]
        shape = shape or full
        if part:  # rows of several matrices in one
            number, parts = part
            size = len(data) // parts
            data, shape = data[number * size:(number + 1) * size], (full[0] // parts, *full[1:])
        wide = len(shape) > 1 and shape[-1] > 1 and "positional" not in name
        data = as_type(kind, data, FLOAT16 if wide else FLOAT32)
        encoded = name.encode()
        out.append(struct.pack("<3i", len(shape), len(encoded), 1 if wide else 0)
                   + struct.pack(f"<{len(shape)}i", *reversed(shape)) + encoded + data)

    def norm(name, source):
        put(f"{name}.weight", f"{source}/gamma")
        put(f"{name}.bias", f"{source}/beta")

    def linear(name, source, part=None, bias=True):
        put(f"{name}.weight", f"{source}/weight", part=part)
        if bias:
            put(f"{name}.bias", f"{source}/bias", part=part)

    def block(name, source, decoder):
        norm(f"{name}.attn_ln", f"{source}/self_attention/layer_norm")
        for number, which in enumerate(["query", "key", "value"]):
            linear(f"{name}.attn.{which}", f"{source}/self_attention/linear_0", (number, 3), which != "key")
        linear(f"{name}.attn.out", f"{source}/self_attention/linear_1")
        if decoder:
            norm(f"{name}.cross_attn_ln", f"{source}/attention/layer_norm")
            linear(f"{name}.cross_attn.query", f"{source}/attention/linear_0")
            linear(f"{name}.cross_attn.key", f"{source}/attention/linear_1", (0, 2), False)
            linear(f"{name}.cross_attn.value", f"{source}/attention/linear_1", (1, 2))
            linear(f"{name}.cross_attn.out", f"{source}/attention/linear_2")
        norm(f"{name}.mlp_ln", f"{source}/ffn/layer_norm")
        linear(f"{name}.mlp.0", f"{source}/ffn/linear_0")
        linear(f"{name}.mlp.2", f"{source}/ffn/linear_1")

    def layers(side):
        return sum(1 for name in tensors if name.startswith(f"{side}/layer_")
                   and name.endswith("/ffn/linear_0/weight"))

    put("encoder.positional_embedding", "encoder/position_encodings/encodings")
    for number in (1, 2):
        put(f"encoder.conv{number}.weight", f"encoder/conv{number}/weight")
        width = tensors[f"encoder/conv{number}/bias"][1][0]
        put(f"encoder.conv{number}.bias", f"encoder/conv{number}/bias", shape=(width, 1))
    for number in range(layers("encoder")):
        block(f"encoder.blocks.{number}", f"encoder/layer_{number}", False)
    norm("encoder.ln_post", "encoder/layer_norm")
    put("decoder.positional_embedding", "decoder/position_encodings/encodings")
    put("decoder.token_embedding.weight", "decoder/embeddings/weight")
    for number in range(layers("decoder")):
        block(f"decoder.blocks.{number}", f"decoder/layer_{number}", True)
    norm("decoder.ln", "decoder/layer_norm")

    width, mels = tensors["encoder/conv1/weight"][1][:2]
    contexts = [tensors[f"{side}/position_encodings/encodings"][1][0] for side in ("encoder", "decoder")]
    heads = width // 64  # in every size of Whisper
    with open(target, "wb") as file:
        file.write(struct.pack("<12i", 0x67676D6C, vocabulary, contexts[0], width, heads,
                               layers("encoder"), contexts[1], width, heads, layers("decoder"), mels, 1))
        file.write(struct.pack("<2i", mels, FFT // 2 + 1))
        for row in mel_filters(mels):
            file.write(struct.pack(f"<{len(row)}f", *row))
        file.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            file.write(struct.pack("<i", len(token)) + token)
        for tensor in out:
            file.write(tensor)


if __name__ == "__main__":
    main()
