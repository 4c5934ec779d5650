"""Assembled parts: cables of three wires, transistors on a board, zippers, printed capsules."""
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from common import COLUMNS, ROWS, SIDE, distance, field, nowhere, spot
from parts import FONT

WIRES = np.array([[70, 120, 60], [60, 80, 150], [150, 90, 60]], float)


def wire(random, x, y, colour, defect):
    """One insulated wire: where it is, its colours, and its defect."""
    away = distance(x, y)
    inside, mask = away < 58, nowhere()
    strands = 150 + 50 * np.cos(COLUMNS * 0.75 + random.uniform(0, 6)) * np.cos(ROWS * 0.75 + random.uniform(0, 6))
    copper = strands[..., None] * np.array([1.0, 0.75, 0.5])
    picture = np.where((away < 38)[..., None], copper, colour + field(random, 3)[..., None] * 5)
    if defect == "poke":
        at, radius = random.uniform(0, 6.28), random.uniform(5, 30)
        mask = distance(x + radius * np.cos(at), y + radius * np.sin(at)) < random.uniform(5, 9)
        picture = np.where(mask[..., None], 25.0, picture)
    if defect == "cut":
        at = random.uniform(0, 6.28)
        mask = inside & (away > 38) & (distance(x + 54 * np.cos(at), y + 54 * np.sin(at)) < random.uniform(12, 20))
        picture = np.where(mask[..., None], [45.0, 45, 48], picture)
    if defect == "swap":
        mask = inside
    return inside, picture, mask


def cable(random, defect=None):
    """A cut through a cable of three wires, nearly upright. Defects: swap, missing, cut, poke."""
    x, y = SIDE / 2 + random.normal(0, 4, 2)
    away = distance(x, y)
    picture = np.where((away < 165)[..., None], [48.0, 48, 52], [205.0, 205, 200]) + field(random, 1.2)[..., None] * 4
    sheath = (away > 145) & (away < 165)
    picture = np.where(sheath[..., None], [120.0, 120, 122] + field(random, 5)[..., None] * 4, picture)
    turn, bad, mask = random.normal(0, 0.06), random.integers(0, 3), nowhere()
    for i in range(3):
        at = turn + i * 2.094 - 1.571
        place = x + 76 * np.cos(at) + random.normal(0, 2), y + 76 * np.sin(at) + random.normal(0, 2)
        kind = defect if i == bad else None
        if kind == "missing":
            mask |= distance(*place) < 58
            continue
        inside, colours, marked = wire(random, *place, WIRES[(i + 1) % 3 if kind == "swap" else i], kind)
        mask |= marked
        picture = np.where(inside[..., None], colours, picture)
    return picture * random.normal(1, 0.02), mask


def transistor(random, defect=None):
    """A transistor on a board with holes; its legs stand in three of them. Defects: misplaced, bent, cut, case."""
    image, marked = Image.new("L", (SIDE, SIDE), 120), Image.new("L", (SIDE, SIDE))
    draw, mark = ImageDraw.Draw(image), ImageDraw.Draw(marked)
    for row in range(9):
        for column in range(9):
            x, y = 24 + 42 * column, 24 + 42 * row
            draw.ellipse([x - 13, y - 13, x + 13, y + 13], fill=175)
            draw.ellipse([x - 7, y - 7, x + 7, y + 7], fill=35)
    bad = int(random.integers(0, 3))
    left, top = 130 + int(random.normal(0, 3)), 90 + int(random.normal(0, 3))
    for leg, x in enumerate([150, 192, 234]):
        kind = defect if leg == bad else None
        end, foot = (235 if kind == "cut" else 276), (x + int(random.choice([-16, 16])) if kind == "bent" else x)
        draw.line([(x, top + 100), (foot, 215), (foot, end)], fill=225, width=9)
        if kind in ("cut", "bent"):
            mark.rectangle([min(x, foot) - 8, 195, max(x, foot) + 8, 282], fill=255)
    if defect == "misplaced":
        shift = 42 * int(random.choice([-1, 1]))
        area = (120, 60, 264, 290)
        part = image.crop(area)
        draw.rectangle(area, fill=120)
        image.paste(part, (area[0] + shift, area[1]))
        left += shift
        mark.rectangle([min(120, 120 + shift), 60, max(264, 264 + shift), 290], fill=255)
    draw.rectangle([left, top, left + 124, top + 104], fill=52)
    draw.text((left + 18, top + 36), "BC 547", font=ImageFont.truetype(FONT, 24), fill=105)
    if defect == "case":
        x, y = left + int(random.integers(10, 100)), top + int(random.integers(4, 80))
        points = [(x + int(v), y + int(w)) for v, w in random.integers(-14, 15, (6, 2))]
        draw.polygon(points, fill=120)
        mark.polygon(points, fill=255)
    picture = np.asarray(image, float) + field(random, 0.8) * 4 + field(random, 60) * 4
    return picture * random.normal(1, 0.04), np.asarray(marked) > 128


def zipper(random, defect=None):
    """A closed zipper on woven tape. Defects: broken, split, squeezed, frayed."""
    weave = np.sin(COLUMNS * 1.3) * np.sin(ROWS * 1.1)
    picture = 62 + 9 * weave + field(random, 1) * 5 + field(random, 50) * 3
    x, phase, mask = SIDE / 2 + random.normal(0, 3), random.uniform(0, 16), nowhere()
    bad = random.uniform(60, SIDE - 60)
    open_by = 9 * np.exp(-(((ROWS - bad) / 26) ** 2)) if defect == "split" else 0.0
    squeeze = 5 * np.exp(-(((ROWS - bad) / 20) ** 2)) if defect == "squeezed" else 0.0
    for side in (-1, 1):
        tooth = np.cos((ROWS + phase + (8 if side > 0 else 0) + squeeze) * np.pi / 8) > -0.1
        across = (COLUMNS - x) * side - open_by
        inside = tooth & (across > -5) & (across < 24)
        if defect == "broken" and side > 0:
            gone = (abs(ROWS - bad) < 8) & (across > 2) & (across < 26)
            mask, inside = mask | (gone & inside), inside & ~gone
        picture = np.where(inside, 165 + 22 * np.cos(across / 7) + field(random, 1) * 6, picture)
    if defect in ("split", "squeezed"):
        mask = (abs(ROWS - bad) < 26) & (abs(COLUMNS - x) < 34)
    if defect == "frayed":
        at = x + random.choice([-1, 1]) * random.uniform(60, 150)
        mask = spot(at, bad, 16, 16) > 0.3
        picture = np.where(mask, 70 + 45 * field(random, (5, 0.7)), picture)
    return gaussian_filter(picture, 0.6) * random.normal(1, 0.03), mask


def capsule(random, defect=None):
    """A capsule of two colours with a print, lying level. Defects: crack, print, poke, squeeze."""
    x, y = SIDE / 2 + random.normal(0, 4, 2)
    squeezed = spot(x + random.uniform(-90, 90), y + 62, 26, 40) * 14 if defect == "squeeze" else 0.0
    along = np.clip(COLUMNS, x - 90, x + 90)
    away = np.hypot(COLUMNS - along, ROWS - y + squeezed)
    inside, mask = away < 62, nowhere()
    shade = 1.08 - 0.5 * (away / 62) ** 3
    colour = np.where((COLUMNS < x + 10)[..., None], [215.0, 120, 50], [70.0, 60, 55])
    printed = Image.new("L", (SIDE, SIDE))
    misprint = str(random.choice(["50", "5 0", "00"]))
    text = misprint if defect == "print" else "500"
    ImageDraw.Draw(printed).text((x - 80, y - 18), text, font=ImageFont.truetype(FONT, 32), fill=255)
    ink = (np.asarray(printed) / 255.0)[..., None]
    picture = colour * shade[..., None] * (1 - ink) + np.array([240.0, 235, 230]) * ink
    picture = np.where(inside[..., None], picture, 225.0) + field(random, 1)[..., None] * 3
    if defect == "print":
        mask = (abs(ROWS - y) < 22) & (COLUMNS > x - 84) & (COLUMNS < x - 10)
    if defect == "squeeze":
        mask = (squeezed > 4) & (ROWS > y + 30) & (ROWS < y + 70)
    if defect == "poke":
        mask = distance(x + random.uniform(-110, 110), y + random.uniform(-35, 35)) < random.uniform(3, 6)
        picture = np.where(mask[..., None], [50.0, 35, 30], picture)
    if defect == "crack":
        start, lean = x + random.uniform(-90, 90), random.uniform(-0.6, 0.6)
        across = COLUMNS - start - lean * (ROWS - y) + 3 * np.sin(ROWS / 6)
        mask = (abs(across) < 1.3) & inside & (abs(ROWS - y - random.uniform(-20, 20)) < 28)
        picture = np.where(mask[..., None], picture * 0.5, picture)
    return picture * random.normal(1, 0.015), mask
