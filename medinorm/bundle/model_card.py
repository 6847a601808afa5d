"""The page of a bundle that a person reads first."""

from pathlib import Path

from medinorm import __version__
from medinorm.bundle.contents import BundleContents
from medinorm.expected.summarize import ALL_ALARMS
from medinorm.files.atomic import replacing
from medinorm.records.evidence import SummaryRow

CARD = Path("docs", "README.md")

_TEXT = """\
# {title}

Segments {labels} in images of the channels {channels}. {networks} networks, one for
each seed of training; their mean probabilities decide.

| | |
| --- | --- |
| variant | {variant} |
| training domains ({domain}) | {domains} |
| Dice on domains never seen | {expected} |
| expected on one further domain | {further} |
| voxel spacing | {spacing} mm |
| licence | {licence} |
| made with | medinorm {version} |

Segment new scans, in DICOM or image files:

```bash
medinorm segment --bundle . --images scan.nii.gz --output segmented
```

or with MONAI, in this folder:

```bash
python -m monai.bundle run --config_file configs/inference.json \\
    --meta_file configs/metadata.json --images "['scan.nii.gz']"
```

For research. The numbers above are those of the study's own test scans, with networks
that left out one domain in turn; a scanner unlike these may do worse.
{final}\
Each scan that is segmented gets a row in `expected.tsv`: the Dice to expect, with its
interval, and whether the scan is flagged as one that the networks do not know.
{model}
{flags}\
"""

_FINAL = """\
The networks in this bundle trained on all scans of the study and were never tested.
What is expected of them was measured on those that left a domain out.
"""


def write_model_card(
    bundle: Path,
    contents: BundleContents,
    summary: SummaryRow,
    licence: str,
    *,
    final: bool = False,
) -> None:
    """Write the model card.

    Args:
        bundle: folder of the bundle.
        contents: what it holds.
        summary: what the study found of the variant.
        licence: of the weights.
        final: whether all scans of the study trained the networks.
    """
    card = contents.card
    text = _TEXT.format(
        title=f"Segmentation of {', '.join(contents.labels.values())}",
        labels=", ".join(contents.labels.values()),
        channels=", ".join(card.channels),
        networks=len(contents.weights),
        variant=summary.variant.name,
        domain=" and ".join(contents.domain),
        domains=", ".join(card.domains),
        expected=_with_interval(
            summary.out_domain, summary.out_domain_low, summary.out_domain_high
        ),
        further=_range(summary.new_low, summary.new_high),
        spacing=" x ".join(f"{step:g}" for step in contents.harmonize.spacing),
        licence=licence,
        version=__version__,
        final=_FINAL if final else "",
        model=_describe_model(contents),
        flags=_describe_flags(contents),
    )
    path = bundle / CARD
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _describe_model(contents: BundleContents) -> str:
    """What the expected Dice rests on."""
    model = contents.reference.model if contents.reference else None
    if model is None:
        return "The study could not say which Dice to expect."
    return (
        f"The expectation rests on {model.scans} scans of {model.domains} domains that "
        "their networks never saw."
    )


def _describe_flags(contents: BundleContents) -> str:
    """How often what a scan looks like is a reason for a flag."""
    known = contents.reference
    if known is None or known.textures is None:
        return ""
    seen = {
        "noise and sharpness": known.textures.recognized,
        "intensities": known.intensities.recognized if known.intensities else None,
    }
    shares = [
        f"{share:.0%} by {name}" for name, share in seen.items() if share is not None
    ]
    left_out = (
        f" With each domain left out in turn, of its scans {' and '.join(shares)}."
    )
    return (
        "By its image alone a scan of a training domain is flagged in at most "
        f"{ALL_ALARMS:.0%} of cases, as subjects that were left out show."
        f"{left_out if shares else ''}\n"
    )


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A mean with its interval.

    Examples:
        >>> _with_interval(0.7, 0.6, 0.8), _with_interval(None, None, None)
        ('0.700 (0.600 to 0.800)', 'not measured')
    """
    if value is None:
        return "not measured"
    return f"{value:.3f}" + (f" ({_range(low, high)})" if low is not None else "")


def _range(low: float | None, high: float | None) -> str:
    """The ends of an interval."""
    return "not known" if low is None or high is None else f"{low:.3f} to {high:.3f}"
