"""What each choice of the configuration means, in the words of a paper."""

from medinorm.method_names import INTENSITY_DECLARATIONS, NORM_DECLARATIONS

INTENSITIES = {name: method.text for name, method in INTENSITY_DECLARATIONS.items()}
FOREGROUNDS = {
    "image": "all voxels",
    "nonzero": "voxels other than 0",
    "positive": "voxels above 0",
    "otsu": "voxels above Otsu's threshold between air and tissue",
    "label": "labelled voxels of the training scans; no label map of a test scan was "
    "read",
    "file": "a mask given for each scan",
}
NORMS = {name: declared.text for name, declared in NORM_DECLARATIONS.items()}
ADAPTS = {
    "batch_statistics": "the statistics of batch normalization estimated anew on the "
    "unlabelled test scans of each domain",
    "tent": "gains and offsets of batch normalization adapted to the unlabelled test "
    "scans of each domain by entropy minimization (TENT)",
}
DESIGNS = {
    "lodo": "leave one domain out (trained on all domains but one, tested on all)",
    "pooled": "pooled (trained on all domains)",
    "single": "single source (trained on one domain, tested on all)",
}
