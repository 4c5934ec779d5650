"""Parts: screws at any angle, printed labels, tablets on a tray, turned discs."""
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from common import COLUMNS, ROWS, SIDE, distance, field, nowhere

PAPER = (225, 222, 212)
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"


def screw(random, defect=None):
    """A screw on bright ground, at any angle. Defects: thread, tip, scratch, head."""
    side = 2 * SIDE
    image, marked = Image.new("L", (side, side), 0), Image.new("L", (side, side), 0)
    draw, mark = ImageDraw.Draw(image), ImageDraw.Draw(marked)
    length, width = 340, 38
    left, y = side // 2 - length // 2, side // 2
    top, bottom, end = y - width // 2, y + width // 2, left + length
    draw.rectangle([left, top, end - 40, bottom], fill=130)
    draw.polygon([(end - 40, top), (end - 40, bottom), (end, y)], fill=130)
    missing = random.integers(4, 18) if defect == "thread" else -9
    for number, x in enumerate(range(left + 60, end - 40, 14)):
        if number == missing:
            mark.rectangle([x - 8, top - 14, x + 22, bottom + 14], fill=255)
            continue
        draw.polygon([(x, top - 9), (x + 7, top - 9), (x + 14, bottom + 9), (x + 7, bottom + 9)], fill=175)
        draw.line([(x + 7, top - 9), (x + 14, bottom + 9)], fill=80, width=3)
    head = [(left - 26, y - 50), (left, y - 50), (left + 26, top), (left + 26, bottom), (left, y + 50), (left - 26, y + 50)]
    draw.polygon(head, fill=155)
    draw.line([(left - 26, y - 50), (left - 26, y + 50)], fill=90, width=6)
    if defect == "tip":
        draw.polygon([(end - 22, y - 30), (end - 22, y + 30), (end + 8, y + 30), (end + 8, y - 30)], fill=0)
        mark.rectangle([end - 24, y - 18, end + 6, y + 18], fill=255)
    if defect == "scratch":
        x = left + random.integers(-15, 15)
        draw.line([(x - 8, y - 30), (x + 10, y + 10)], fill=240, width=5)
        mark.line([(x - 8, y - 30), (x + 10, y + 10)], fill=255, width=11)
    if defect == "head":
        draw.polygon([(left - 30, y + 20), (left + 10, y + 20), (left + 10, y + 54), (left - 30, y + 54)], fill=0)
        mark.rectangle([left - 30, y + 18, left + 12, y + 54], fill=255)
    angle, shift = random.uniform(0, 360), tuple(random.uniform(-25, 25, 2).astype(int))
    cut = ((side - SIDE) // 2,) * 2 + ((side + SIDE) // 2,) * 2
    image = image.rotate(angle, resample=Image.BICUBIC, translate=shift).crop(cut)
    marked = marked.rotate(angle, translate=shift).crop(cut)
    grey = np.asarray(image, float)
    metal = grey > 20
    ground = 205 + field(random, 50) * 3 + field(random, 0.8) * 2
    shadow = gaussian_filter(metal.astype(float), 6) * 40
    return np.where(metal, grey + field(random, 0.8) * 4 + field(random, 20) * 5, ground - shadow), np.asarray(marked) > 128


def label(random, defect=None):
    """A printed label with another date each time, not quite straight. Defects: smear, missing, spot, fold."""
    image, marked = Image.new("RGB", (SIDE, SIDE), PAPER), Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(image)

    def write(x, y, text, size, colour):
        draw.text((x, y), text, font=ImageFont.truetype(FONT, size), fill=colour)

    draw.rectangle([20, 20, SIDE - 20, 90], fill=(30, 70, 140))
    write(60, 32, "AQUA PURE", 40, (255, 255, 255))
    draw.ellipse([40, 120, 160, 240], outline=(180, 30, 40), width=8)
    draw.polygon([(100, 135), (135, 215), (65, 215)], fill=(40, 140, 80))
    for i, line in enumerate(["Ingredients: water,", "minerals, carbon", "dioxide 5 g / l", "Keep cool and dry"]):
        write(190, 125 + i * 30, line, 17, (40, 40, 40))
    for i in range(40):
        if (i * 7919) % 5 != 0:
            draw.rectangle([40 + i * 5, 270, 42 + i * 5, 330], fill=(20, 20, 20))
    day, month, year = random.integers(1, 29), random.integers(1, 13), random.integers(26, 30)
    write(255, 280, f"{day:02d}.{month:02d}.{year}", 20, (20, 20, 20))
    if defect == "smear":
        y, x = random.integers(120, 230), random.integers(190, 300)
        pixels = np.asarray(image).copy()
        pixels[y : y + 22, x : x + 60] = gaussian_filter(pixels[y : y + 22, x : x + 60].astype(float), (0, 6, 0))
        image = Image.fromarray(pixels)
        marked.paste(255, (x, y, x + 60, y + 22))
    if defect == "missing":
        top = 124 + int(random.integers(0, 4)) * 30
        draw.rectangle([188, top, 370, top + 26], fill=PAPER)
        marked.paste(255, (188, top, 370, top + 26))
    if defect == "spot":
        x, y = random.integers(30, SIDE - 40, 2)
        radius = int(random.integers(3, 8))
        draw.ellipse([x, y, x + 2 * radius, y + 2 * radius], fill=tuple(int(v) for v in random.integers(0, 200, 3)))
        marked.paste(255, (x, y, x + 2 * radius, y + 2 * radius))
    if defect == "fold":
        x = random.integers(80, SIDE - 80)
        fold = np.exp(-(((COLUMNS - x - (ROWS - SIDE / 2) * 0.15) / 4) ** 2))
        image = Image.fromarray(np.clip(np.asarray(image).astype(float) - 50 * fold[..., None], 0, 255).astype(np.uint8))
        marked = Image.fromarray(((fold > 0.4) * 255).astype(np.uint8))
    angle, shift = random.normal(0, 1.2), tuple(random.normal(0, 4, 2).astype(int))
    image = image.rotate(angle, resample=Image.BICUBIC, translate=shift, fillcolor=PAPER)
    light = (1 + 0.04 * field(random, 100)[..., None]) * random.normal(1, 0.03)
    picture = np.asarray(image, float) * light + random.standard_normal((SIDE, SIDE, 3)) * 3
    return picture, np.asarray(marked.rotate(angle, translate=shift)) > 128


def tablet(random, x, y, defect):
    """Where one tablet is, its colours, and its defect."""
    turn, radius = random.uniform(0, np.pi), 44
    away = distance(x, y)
    inside, mask = away < radius, nowhere()
    if defect == "missing":
        return nowhere(), None, inside
    shade = 235 - 18 * (away / radius) ** 4 + field(random, 2) * 2
    colour = np.stack([shade, shade * 0.97, shade * 0.9], -1)
    groove = (abs((COLUMNS - x) * np.cos(turn) + (ROWS - y) * np.sin(turn)) < 2.5) & (away < radius - 8)
    colour = np.where(groove[..., None], colour * 0.8, colour)
    if defect == "chip":
        at = random.uniform(0, 6.28)
        chip = distance(x + radius * np.cos(at), y + radius * np.sin(at)) < random.uniform(8, 14)
        inside, mask = inside & ~chip, chip & inside
    if defect == "crack":
        at = random.uniform(0, np.pi)
        along = (COLUMNS - x) * -np.sin(at) + (ROWS - y) * np.cos(at)
        across = (COLUMNS - x) * np.cos(at) + (ROWS - y) * np.sin(at) + 3 * np.sin((ROWS - y) / 5)
        mask = (abs(across) < 1.3) & inside & (along > 0)
        colour = np.where(mask[..., None], colour * 0.55, colour)
    if defect == "colour":
        stain = np.exp(-((COLUMNS - x - 10) ** 2 + (ROWS - y + 5) ** 2) / (2 * 9**2))
        colour, mask = colour - np.array([5, 30, 60]) * stain[..., None], stain > 0.4
    return inside, colour, mask


def tablets(random, defect=None):
    """Nine tablets on a dark tray, each turned by itself. Defects: missing, chip, crack, colour."""
    picture = np.array([60, 62, 66]) + field(random, 1)[..., None] * 3
    mask, bad = nowhere(), random.integers(0, 9)
    for i in range(9):
        x, y = 70 + 122 * (i % 3) + random.normal(0, 5), 70 + 122 * (i // 3) + random.normal(0, 5)
        inside, colour, marked = tablet(random, x, y, defect if i == bad else None)
        mask |= marked
        if colour is not None:
            away = distance(x, y)
            shadow = np.exp(-np.clip(away - 44, 0, 99) / 6) * 15 * (away >= 44)
            picture = np.where(inside[..., None], colour, picture - shadow[..., None])
    return picture * random.normal(1, 0.02), mask


def disc(random, defect=None):
    """A turned disc with six bores under varying light. Defects: bore, pore, scratch, dent."""
    x, y = SIDE / 2 + random.normal(0, 4, 2)
    away = distance(x, y)
    grooves = 140 + 12 * np.sin(away * 1.3 + field(random, 30)) + field(random, 1.2) * 9
    picture = np.where(away < 150, grooves, 40 + field(random, 3) * 4)
    picture = np.where(away < 40, 60 + field(random, 1) * 6, picture)
    picture = np.where(abs(away - 110) < 5, 100 + field(random, 1) * 6, picture)
    mask = nowhere()
    for i in range(6):
        bore = distance(x + 80 * np.cos(i * np.pi / 3), y + 80 * np.sin(i * np.pi / 3)) < 11
        if defect == "bore" and i == 2:
            mask |= bore
        else:
            picture = np.where(bore, 50, picture)
    if defect == "pore":
        for _ in range(3):
            at, radius = random.uniform(0, 6.28), random.uniform(50, 145)
            pore = distance(x + radius * np.cos(at), y + radius * np.sin(at)) < random.uniform(2.5, 5)
            picture, mask = np.where(pore, 55, picture), mask | pore
    if defect == "scratch":
        at = random.uniform(0, 6.28)
        across = (COLUMNS - x) * np.cos(at) + (ROWS - y) * np.sin(at) - 70
        along = -(COLUMNS - x) * np.sin(at) + (ROWS - y) * np.cos(at)
        mask = (abs(across) < 1.2) & (abs(along) < random.uniform(20, 50))
        picture = np.where(mask, picture + 45, picture)
    if defect == "dent":
        at = random.uniform(0, 6.28)
        dent = distance(x + 148 * np.cos(at), y + 148 * np.sin(at)) < random.uniform(10, 18)
        mask = dent & (away < 150)
        picture = np.where(mask, 45 + field(random, 3) * 4, picture)
    right, down = random.normal(0, 1, 2)
    light = 1 + 0.12 * (right * (COLUMNS / SIDE - 0.5) + down * (ROWS / SIDE - 0.5))
    return picture * light * np.exp(random.normal(0, 0.1)), mask
