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


# Public names of models, as headers spell them.
MODELS = """
SIGNA Master|HiSpeed CT/i|Philips T5|Gyroscan T5-NT|GENESIS_ZEUS|MRT50H1|
GENESIS_SIGNA|GENESIS_JUPITER|Signa HDxt|SIGNA PET/MR|SIGNA EXCITE|DISCOVERY MR750|
Optima MR450w|Prisma_fit|MAGNETOM Prisma Fit|Prisma fit|Skyra_fit|MAGNETOM Vida|
Avanto_fit|TrioTim|Trio Tim|SymphonyTim|MAGNETOM VISION plus|MAGNETOM C!|
MAGNETOM ESSENZA|MAGNETOM Free.Max|MAGNETOM Cima.X|MAGNETOM Terra.X|SonataVision|
Biograph_mMR|Biograph64_Vision 600|Biograph 128_mCT|SOMATOM Definition AS+|
SOMATOM go.Top|SOMATOM X.cite|NAEOTOM Alpha|Sensation Cardiac 64|Emotion 16 (2010)|
Volume Zoom|Emotion Duo|LightSpeed VCT|LightSpeed QX/i|LightSpeed Pro 16|
BrightSpeed Elite|HiSpeed NX/i|HiSpeed Dual|ProSpeed|Sytec 3000|Revolution CT|
Revolution EVO|Discovery STE|Discovery CT750 HD|Discovery MI DR|Discovery IQ|
Achieva dStream|Ingenia Elition X|Ingenia Ambition S|Ingenia CX|Intera Achieva|
Gyroscan Intera|Gyroscan NT|Gyroscan ACS-NT|Panorama HFO|MR 7700|MR 5300|
Brilliance 64|Brilliance iCT|iCT 256|Brilliance Big Bore|Mx8000 IDT 16|MX 16-slice|
GEMINI TF TOF 16|Ingenuity TF PET/CT|IQon - Spectral CT|Incisive CT|
Spectral CT 7500|Vereos PET/CT|PQ5000|Tomoscan AV|Titan|Vantage Titan 3T|
Vantage Galan 3T|EXCELART Vantage|MRT200PP3|MRT200SP5|MRT-1504|Aquilion ONE|
Aquilion PRIME SP|Aquilion/CX|Asteion|Alexion|Activion16|Cartesion Prime|TSX-101A|
TSX-303A|VISART|FLEXART|Xpress/SX|OPART|Oasis|ECHELON OVAL|AIRIS Elite|AIRIS II|
AIRIS Vento|APERTO Eterna|MRP-7000|STRATIS|SCENARIA|Supria|ECLOS|uMR 790|uMR790|
uMR Jupiter|uMR Omega|uMR NX|uPMR790|uCT 760|uMI 780|uEXPLORER|uMI Panorama GS|
Swoop|PharmaScan|BioSpec 70/20|S-scan|G-scan Brio|C-scan|E-Scan XQ|O-scan|
NeuViz 128|NeuMR 1.5T|SuperMark 1.5T|OPENMARK 4000|Upright MRI|MROpen|Evry|
Polaris 1.5T|Eclipse 1.5T|Outlook|Edge 1.5T|INTERA|Infinion|Signa Profile|
SIGNA Contour|Vectra|SIGNA Ovation|Signa Infinity|BRIVO MR355|SIGNA Hero|
Optima CT660|Revolution Apex|Revolution Maxima|Discovery 690|Advance|Ultimate|
ECAT HR+|ECAT EXACT|Allegro|Guardian|HRRT
"""


@pytest.mark.parametrize("name", MODELS.replace("\n", "").split("|"))
def test_public_names_of_models_are_kept(name):
    assert "unlisted" not in redact_model(name, Pseudonyms(bytes(32)))


@pytest.mark.parametrize(
    "name",
    ["Skyra Miller", "Vida of Smith", "Master Jones", "CT Doe 12.03.1951"],
)
def test_names_of_persons_are_not(name):
    assert "unlisted" in redact_model(name, Pseudonyms(bytes(32)))
