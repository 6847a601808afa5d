import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.deidentify.scanner_names import (
    redact_coil,
    redact_model,
    redact_reconstruction_kernel,
    redact_software,
)

NAMES = Pseudonyms(bytes(32))


@pytest.mark.parametrize(
    "model",
    [
        *("Achieva", "Achieva dStream", "DISCOVERY MR750", "ECHELON", "Ingenia"),
        *("LightSpeed16", "SOMATOM Definition AS+", "Signa HDxt", "SIGNA HDxt"),
        *("Skyra", "TrioTim", "Prisma_fit", "MAGNETOM Free.Max", "Biograph64_mCT"),
        *("Optima MR450w", "Aquilion ONE", "uMR 780", "Vantage Titan", "Swoop"),
        *("Discovery CT750 HD", "Intera 1.5T", "SOMATOM go.Top", "NAEOTOM Alpha"),
    ],
)
def test_known_models_keep_their_names(model):
    assert redact_model(model, NAMES) == model


@pytest.mark.parametrize(
    "software",
    [
        *("syngo MR E11", "syngo MR XA30", "syngo CT VA48A", "rc8.7.0", "5.3.1"),
        *("8.2.0-rc1", "syngo_VB42B", "27; LX; MR Software release:DV26.0_R01_1725.a"),
    ],
)
def test_versions_keep_their_text(software):
    assert redact_software(software.replace("; ", "\\")) == software


@pytest.mark.parametrize("name", ["B30f", "Br40d", "FC18", "STANDARD", "YA", "I31f"])
def test_reconstruction_kernels_keep_their_names(name):
    assert redact_reconstruction_kernel(name) == name


@pytest.mark.parametrize(
    "coil", ["32Ch Head", "8HRBRAIN", "SENSE-Head-8", "HE1-4;NE1,2", "HeadMatrix"]
)
def test_coils_keep_their_names(coil):
    assert redact_coil(coil, NAMES) == coil


@given(
    secret=st.text("QZXJKW", min_size=5, max_size=12),
    around=st.sampled_from(["{}", "Skyra {}", "{}_fit", "3T-{}", "E11{}", "{}.1.2"]),
)
def test_nothing_unknown_passes(secret, around):
    text = around.format(secret)
    for clean in (redact_software, redact_reconstruction_kernel):
        assert secret not in clean(text)
    for name in (redact_model, redact_coil):
        assert secret not in name(text, NAMES)


@pytest.mark.parametrize(
    "secret",
    ["19510203", "1951-02-03", "03.02.1951", "03.02.51", "1951.02.03", "86753090"],
)
def test_neither_dates_nor_numbers_of_patients_pass(secret):
    assert redact_software(f"syngo {secret}") == "syngo"
    assert secret not in redact_model(f"Skyra {secret}", NAMES)
    assert secret not in redact_coil(f"Head {secret}", NAMES)
    assert redact_reconstruction_kernel(secret) == ""


def test_unlisted_models_stay_apart():
    first, second = (redact_model(f"Skyra {name}", NAMES) for name in ("Foo", "Bar"))
    assert first.startswith("Skyra unlisted-")
    assert first != second
    assert redact_model("Skyra Foo", NAMES) == first
    assert redact_model("Skyra Foo", Pseudonyms(b"x" * 32)) != first
    assert redact_model("", NAMES) == redact_coil(" - ", NAMES) == ""
