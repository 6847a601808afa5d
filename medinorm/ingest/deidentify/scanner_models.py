"""One name for each model of scanner, however a header spells it.

Software generations and exports spell one machine differently: ``Prisma_fit``,
``Prisma fit`` and ``MAGNETOM Prisma Fit``. Names are compared by their letters and
digits, without the words that only say who made it; the public name is used.
"""

import re
from collections.abc import Mapping

from medinorm.records.scans import Identity

# Words before a model that add nothing: its maker, and what all its models are called.
_MAKERS = re.compile(
    r"(siemens( healthineers)?|ge( healthcare| medical systems)?|philips"
    r"( healthcare| medical systems)?|toshiba|canon( medical systems)?|hitachi|uih|"
    r"united imaging( healthcare)?|magnetom|somatom)\s+"
)

# Public names, of those that headers spell in several ways.
_MODELS = """
Aera|Altea|Amira|Avanto|Avanto Fit|Allegra|Cima.X|C!|Concerto|Espree|Essenza|Flow|
Free.Max|Free.Star|Harmony|Impact|Lumina|Open|Prisma|Prisma Fit|Sempra|Skyra|Skyra Fit|
Sola|Sola Fit|Sonata|Spectra|Symphony|SymphonyTim|Terra|Terra.X|Trio|TrioTim|Verio|
Verio Dot|Vida|Vida Fit|Viato.Mobile|Biograph mMR|Biograph mCT|Biograph Vision|
Biograph Horizon|Biograph TruePoint|Definition AS|Definition AS+|Definition Edge|
Definition Flash|Drive|Emotion|Force|Perspective|Sensation 16|Sensation 64|
NAEOTOM Alpha|go.Up|go.Now|go.Top|go.All|go.Sim|go.Open Pro|X.cite|X.ceed|
SIGNA Architect|SIGNA Artist|SIGNA Creator|SIGNA Champion|Signa Excite|SIGNA Explorer|
Signa HDx|Signa HDxt|SIGNA Hero|SIGNA Master|SIGNA PET/MR|SIGNA Pioneer|
SIGNA Premier|SIGNA Prime|SIGNA UHP|SIGNA Victor|SIGNA Voyager|Genesis SIGNA|
Discovery MR450|Discovery MR750|Discovery MR750w|Optima MR360|Optima MR430s|
Optima MR450w|Brivo MR355|BrightSpeed|LightSpeed VCT|LightSpeed16|LightSpeed Ultra|
LightSpeed Pro 16|LightSpeed Pro 32|HiSpeed CT/i|Discovery CT750 HD|Discovery 690|
Discovery 710|Discovery MI|Discovery STE|Optima CT660|Revolution CT|Revolution EVO|
Revolution Apex|Revolution Frontier|
Achieva|Achieva dStream|Ambition|Elition|Gyroscan Intera|Gyroscan NT|Ingenia|
Ingenia Ambition|Ingenia CX|Ingenia Elition|Intera|Intera Achieva|MR 5300|MR 7700|
Multiva|Panorama HFO|Prodiva|Brilliance 16|Brilliance 40|Brilliance 64|Brilliance iCT|
Brilliance Big Bore|Gemini TF|Ingenuity TF|Ingenuity CT|Incisive CT|IQon|iCT 256|iCT SP|
Vantage Titan|Vantage Galan|Vantage Orian|Vantage Elan|Vantage Fortian|Vantage Atlas|
Vantage Centurian|Excelart Vantage|Titan|Aquilion|Aquilion ONE|Aquilion PRIME|
Aquilion CXL|Aquilion Lightning|Aquilion Precision|
Oasis|Echelon|Echelon Oval|Echelon Smart|Airis II|Airis Elite|Aperto|Scenaria|Supria|
uMR 560|uMR 570|uMR 580|uMR 588|uMR 680|uMR 770|uMR 780|uMR 790|uMR 870|uMR 880|
uMR 890|uMR Jupiter|uMR NX|uMR Omega|uPMR 790|uCT 510|uCT 528|uCT 530|uCT 550|uCT 760|
uCT 780|uCT 820|uCT 960+|uMI 510|uMI 550|uMI 780|Swoop
"""


def name_model(text: str) -> str:
    """The public name of a model; unlisted ones only lose their maker and underscores.

    Examples:
        >>> name_model("Prisma_fit"), name_model("MAGNETOM Prisma Fit")
        ('Prisma Fit', 'Prisma Fit')
        >>> name_model("DISCOVERY_MR750w"), name_model("MRT50H1")
        ('Discovery MR750w', 'MRT50H1')
    """
    spaced = " ".join(text.replace("_", " ").split())
    short = spaced
    while (maker := _MAKERS.match(short.lower())) and maker.end() < len(short):
        short = short[maker.end() :]
    return _NAMES.get(_key(short)) or _NAMES.get(_key(spaced)) or short


def rename_scanner(identity: Identity, names: Mapping[str, str]) -> Identity:
    """A scanner's identity under the user's own names.

    Args:
        identity: as the header says.
        names: the user's name for a scanner, or for a model, in whatever spelling.
    """
    own = {_key(name): to for name, to in names.items() if _key(name)}
    scanner, model = identity.scanner or "", identity.model or ""
    if name := own.get(_key(scanner)):
        return identity.with_columns(scanner=name)
    models = {_key(name_model(spelled)): to for spelled, to in names.items()}
    name = models.get(_key(name_model(model))) if model else None
    if not name:
        return identity
    head, _, tail = scanner.partition(model)
    return identity.with_columns(model=name, scanner=f"{head}{name}{tail}")


def _key(name: str) -> str:
    """Letters, digits and plus signs of a name, in lower case."""
    return re.sub(r"[^a-z0-9+]", "", name.casefold())


_NAMES = {
    _key(name): name for name in (own.strip() for own in _MODELS.split("|")) if name
}
