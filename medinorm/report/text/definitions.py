"""What each choice of the configuration means, in the words of a paper."""

from medinorm.method_names import (
    ADAPTATION_DECLARATIONS,
    AUGMENTATION_DECLARATIONS,
    DESIGN_DECLARATIONS,
    INTENSITY_DECLARATIONS,
    NORM_DECLARATIONS,
)

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
AUGMENTATIONS = {
    name: declared.text for name, declared in AUGMENTATION_DECLARATIONS.items()
}
ADAPTS = {name: declared.text for name, declared in ADAPTATION_DECLARATIONS.items()}
DESIGNS = {name: declared.text for name, declared in DESIGN_DECLARATIONS.items()}
