"""Data sets of drawn parts in the layout of MVTec AD, to try `fae train` without a configuration on what nobody tuned it for.

usage: draw.py FOLDER [SET ...]
Needs Debian's python3-numpy, python3-scipy, python3-pil and fonts-dejavu-core.
"""
import os
import sys

import numpy as np
from PIL import Image

from assemblies import cable, capsule, transistor, zipper
from parts import disc, label, screw, tablets
from surfaces import cloth, wood

# How it is drawn, its defects, and good pictures to train on.
SETS = {
    "cloth": (cloth, ["bend", "thread", "hole", "stain"], 80),
    "wood": (wood, ["scratch", "hole", "colour", "knot"], 80),
    "screw": (screw, ["thread", "tip", "scratch", "head"], 120),
    "label": (label, ["smear", "missing", "spot", "fold"], 60),
    "tablets": (tablets, ["missing", "chip", "crack", "colour"], 60),
    "disc": (disc, ["bore", "pore", "scratch", "dent"], 30),
    "cable": (cable, ["swap", "missing", "cut", "poke"], 200),
    "transistor": (transistor, ["misplaced", "bent", "cut", "case"], 200),
    "zipper": (zipper, ["broken", "split", "squeezed", "frayed"], 200),
    "capsule": (capsule, ["crack", "print", "poke", "squeeze"], 200),
}
GOOD, BAD = 100, 12


def save(path, pixels):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


def draw(folder, name):
    """Writes a set; a picture depends on the set's name and its number alone."""
    part, defects, training = SETS[name]
    number = 0

    def one(path, defect=None):
        nonlocal number
        number += 1
        picture, mask = part(np.random.default_rng([*name.encode(), number]), defect)
        save(os.path.join(folder, name, path), picture)
        if defect:
            save(os.path.join(folder, name, "ground_truth", path[len("test/") :].replace(".png", "_mask.png")), mask * 255)

    for i in range(training):
        one(f"train/good/{i:03}.png")
    for i in range(GOOD):
        one(f"test/good/{i:03}.png")
    for defect in defects:
        for i in range(BAD):
            one(f"test/{defect}/{i:03}.png", defect)


if __name__ == "__main__":
    for name in sys.argv[2:] or SETS:
        draw(sys.argv[1], name)
