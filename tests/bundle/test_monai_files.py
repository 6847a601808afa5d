"""MONAI reads a bundle by its own parser."""

from monai.bundle import ConfigParser

from medinorm.bundle.contents import INFERENCE, METADATA, read_bundle, read_networks
from medinorm.files.atomic import read_json

# What the bundle specification asks for.
REQUIRED = {
    *("version", "monai_version", "pytorch_version", "numpy_version", "task"),
    *("required_packages_version", "description", "authorship", "copyright"),
    *("network_data_format", "changelog"),
}


def test_metadata_has_what_the_specification_asks_for(bundle):
    metadata = read_json(bundle / METADATA)
    assert metadata.keys() >= REQUIRED
    image = metadata["network_data_format"]["inputs"]["image"]
    assert (image["num_channels"], image["spatial_shape"]) == (1, [12, 12, 12])
    names = metadata["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert names == {"0": "background", "1": "shell", "2": "core"}


def test_monai_builds_the_network_of_the_weights(bundle):
    parser = ConfigParser()
    parser.read_config(bundle / INFERENCE)
    network = parser.get_parsed_content("network_def")
    (ours,) = read_networks(bundle, read_bundle(bundle))
    own, theirs = ours.state_dict(), network.state_dict()
    assert own.keys() == theirs.keys()
    assert all(own[name].shape == theirs[name].shape for name in own)
