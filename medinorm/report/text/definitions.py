"""What each choice of the configuration means, in the words of a paper."""

from medinorm.method_names import NORM_DECLARATIONS

INTENSITIES = {
    "none": "intensities as stored",
    "zscore": "mean 0 and standard deviation 1 over the foreground of each scan",
    "layer": "mean 0 and standard deviation 1 over the foreground of all channels of "
    "each scan together",
    "group": "mean 0 and standard deviation 1 over the foreground of groups of "
    "channels",
    "percentile": "two percentiles of each scan's foreground mapped to 0 and 1",
    "population": "mean and standard deviation of the training scans' foreground, "
    "the same map for all scans",
    "adaptive_instance": "mean and standard deviation of reference scans, chosen from "
    "the training scans",
    "spatially_adaptive": "mean 0 and standard deviation 1 in each class of intensity "
    "(multi-Otsu) and outside of the foreground",
    "cluster_instance": "mean and standard deviation of the nearest cluster of "
    "training scans, blended with the scan's own (a reconstruction from the paper's "
    "abstract)",
    "thumbnail_instance": "mean 0 and standard deviation 1, measured on a part of each "
    "scan",
    "nyul": "landmarks of each scan's histogram on a standard scale learned from the "
    "training scans (Nyul and Udupa 1999)",
    "histogram": "each scan's distribution matched to the mean one of the training "
    "scans",
    "whitestripe": "mean 0 and standard deviation 1 over a stripe around the peak of "
    "white matter (Shinohara et al. 2014)",
    "fcm": "the mean of one tissue at 1, tissues by fuzzy c-means (Reinhold et al. "
    "2019)",
    "kde": "the peak of one tissue in the smoothed histogram at 1 (Reinhold et al. "
    "2019)",
    "clip": "intensities as stored, cut at two limits",
    "window": "the edges of a window mapped to 0 and 1",
}
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
