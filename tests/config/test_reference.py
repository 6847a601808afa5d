"""Schema and key reference are generated, and in step."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from medinorm import method_names
from medinorm.config.reference import key_reference, schema, write_reference

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "config").rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_studies_fit_the_schema(path):
    values = json.loads(json.dumps(yaml.safe_load(path.read_text())))
    jsonschema.validate(values, json.loads((ROOT / "config/schema.json").read_text()))


def test_shipped_studies_name_the_schema():
    for path in FILES:
        line = path.read_text().splitlines()[0]
        named = line.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / named).resolve() == ROOT / "config/schema.json"


def test_schema_and_key_reference_are_in_step(tmp_path):
    write_reference(tmp_path)
    for name in ("schema.json", "README.md"):
        written, shipped = (tmp_path / name, ROOT / "config" / name)
        assert written.read_text() == shipped.read_text(), "run: medinorm schema config"


@pytest.mark.parametrize(
    "declared",
    [
        method_names.NETWORK_DECLARATIONS,
        method_names.AUGMENTATION_DECLARATIONS,
        method_names.ADAPTATION_DECLARATIONS,
        method_names.DESIGN_DECLARATIONS,
        method_names.SCANNER_DECLARATIONS,
    ],
)
def test_what_is_declared_is_in_the_reference_and_the_schema(declared):
    reference, words = key_reference(), json.dumps(schema())
    for name, item in declared.items():
        assert f"`{name}`: {item.text}" in reference
        assert f'"{name}"' in words
