# SSIM maps by scikit-image 0.19.3 (Debian 12), for DifferenceLaws.fs: python3 ssim.py > ssim.csv
# Uniform 11×11 window, the constants of Wang et al. 2004, population covariance; the five outermost pixels, where scikit-image mirrors the
# picture and Fae cuts the window, are left out.
import numpy as np
from skimage.metrics import structural_similarity

h, w = 24, 31
y, x = np.mgrid[0:h, 0:w]
pairs = {
    "ramps": ((7 * y + 13 * x) % 17 / 16, (5 * y + 3 * x) % 11 / 10),
    "edge": (np.where(x < 15, 0.25, 0.75), np.where(x < 17, 0.25, 0.75)),
    "contrast": ((y * x) % 7 / 8, 0.5 * ((y * x) % 7 / 8) + 0.25),
}
for name, (a, b) in pairs.items():
    _, full = structural_similarity(a, b, win_size=11, data_range=1.0, gaussian_weights=False, use_sample_covariance=False, full=True)
    for v in range(5, h - 5):
        print(name, v, *(f"{value:.9g}" for value in full[v, 5 : w - 5]), sep=",")
