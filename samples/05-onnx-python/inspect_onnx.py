"""Inspects pictures with an exported ONNX model. Needs onnxruntime, numpy and Pillow; nothing of Fae.

Usage: fae export --model runs/parts --onnx part.onnx
       python3 inspect_onnx.py part.onnx PICTURE...
"""

import sys

import numpy
import onnxruntime
from PIL import Image


def main(model, pictures):
    session = onnxruntime.InferenceSession(model)
    channels = session.get_inputs()[0].shape[3]
    threshold = float(session.get_modelmeta().custom_metadata_map["fae.image_threshold"])
    for path in pictures:
        picture = Image.open(path).convert("L" if channels == 1 else "RGB")
        pixels = numpy.asarray(picture, dtype=numpy.uint8).reshape(1, picture.height, picture.width, channels)
        score, p_value, anomalous = session.run(["score", "p_value", "anomalous"], {"images": pixels})
        verdict = "anomalous" if anomalous[0] else "good"
        print(f"{path}: {verdict}, score {score[0]:.4g} (threshold {threshold:.4g}), p {p_value[0]:.3f}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: inspect_onnx.py MODEL PICTURE...")
    main(sys.argv[1], sys.argv[2:])
