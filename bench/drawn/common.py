"""What the drawings share: the grid of a picture, and smooth random fields."""
import numpy as np
from scipy.ndimage import gaussian_filter

SIDE = 384
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(float)


def field(random, sigma):
    """Gaussian noise of deviation 1, smoothed by `sigma` pixels (or by two, down and across); it has no border."""
    smooth = gaussian_filter(random.standard_normal((SIDE, SIDE)), sigma, mode="wrap")
    return smooth / smooth.std()


def distance(x, y):
    return np.hypot(COLUMNS - x, ROWS - y)


def spot(x, y, width, height):
    """A Gaussian spot of height 1 with deviations `width` and `height`."""
    return np.exp(-((COLUMNS - x) ** 2 / (2 * width**2) + (ROWS - y) ** 2 / (2 * height**2)))


def nowhere():
    return np.zeros((SIDE, SIDE), bool)
