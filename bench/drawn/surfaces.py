"""Surfaces without a position of their own: woven cloth and wood."""
import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter

from common import COLUMNS, ROWS, SIDE, distance, field, nowhere, spot

TURN = 2 * np.pi


def cloth(random, defect=None):
    """Threads nine pixels apart, a little uneven. Defects: bend, thread, hole, stain."""
    phase, period = random.uniform(0, TURN, 2), random.normal(9, 0.05)
    across, down = field(random, 40), field(random, 40)
    mask = nowhere()
    if defect == "bend":
        bend = spot(*random.uniform(60, SIDE - 60, 2), 14, 14)
        across, mask = across + 5 * bend, bend > 0.35
    warp = np.sin((COLUMNS + across) * TURN / period + phase[0])
    weft = np.sin((ROWS + down) * TURN / period + phase[1])
    picture = 110 + 35 * np.where(warp * weft > 0, warp, weft) + field(random, 0.7) * 8 + field(random, 60) * 4
    if defect == "thread":
        y, half, left = random.uniform(40, SIDE - 40), period * 0.5, random.uniform(0, SIDE / 2)
        right = left + random.uniform(80, 180)
        mask = (abs(ROWS - y) < half) & (COLUMNS > left) & (COLUMNS < right)
        picture = np.where(mask, 60 + field(random, 1) * 8, picture)
    if defect == "hole":
        (x, y), radius = random.uniform(40, SIDE - 40, 2), random.uniform(6, 14)
        mask = distance(x, y) ** 2 < radius**2 * (1 + 0.3 * field(random, 6))
        picture = np.where(mask, 25 + field(random, 1) * 5, picture)
    if defect == "stain":
        stain = spot(*random.uniform(60, SIDE - 60, 2), random.uniform(8, 25), random.uniform(8, 25))
        picture, mask = picture - 30 * stain, stain > 0.4
    return picture, mask


def scratch(random):
    """A thin crooked line, in [0, 1]."""
    image = Image.new("L", (SIDE, SIDE))
    (x, y), angle = random.uniform(60, SIDE - 60, 2), random.uniform(0, 6.3)
    points = [(x, y)]
    for _ in range(6):
        angle += random.normal(0, 0.3)
        x, y = x + 14 * np.cos(angle), y + 14 * np.sin(angle)
        points.append((x, y))
    ImageDraw.Draw(image).line(points, fill=255, width=3)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.8))) / 255.0


def wood(random, defect=None):
    """Grain from left to right, in colour. Defects: scratch, hole, colour, knot."""
    grain = field(random, (2, 60)) * 0.6 + field(random, (8, 120)) * 0.8
    rings = np.sin((ROWS / 14 + grain * 1.2 + field(random, 80) * 2) * np.pi)
    planes = [150 + 22 * rings + grain * 8, 105 + 18 * rings + grain * 7, 65 + 12 * rings + grain * 5]
    picture, mask = np.stack(planes, -1) + field(random, (0.6, 4))[..., None] * 5, nowhere()
    if defect == "scratch":
        line = scratch(random)
        picture, mask = picture + line[..., None] * random.choice([-55, 50]), line > 0.3
    if defect == "hole":
        (x, y), radius = random.uniform(40, SIDE - 40, 2), random.uniform(4, 8)
        mask = distance(x, y) < radius
        picture = np.where(mask[..., None], [40, 25, 15], picture)
    if defect == "colour":
        x, y = random.uniform(60, SIDE - 60, 2)
        width, height = random.uniform(15, 35), random.uniform(15, 35)
        inside = ((COLUMNS - x) / width) ** 2 + ((ROWS - y) / height) ** 2 < 1
        share = gaussian_filter(inside.astype(float), 2)
        blend = share[..., None] * 0.35
        picture, mask = picture * (1 - blend) + np.array([60, 60, 90]) * blend, share > 0.5
    if defect == "knot":
        x, y = random.uniform(60, SIDE - 60, 2)
        away = np.hypot(COLUMNS - x, (ROWS - y) * 1.3)
        knot = np.exp(-(away**2) / (2 * 14**2))
        picture = picture - np.array([60, 50, 35]) * (knot * (1 + 0.4 * np.sin(away / 2)))[..., None]
        mask = knot > 0.3
    return picture, mask
