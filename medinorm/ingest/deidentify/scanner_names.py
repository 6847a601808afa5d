"""Names of scanners, software, reconstruction kernels and coils, without other words.

These fields are free text: a technician may have typed a patient's name into any of
them. Words that scanners are known to write are kept, and so are short version numbers.
Models and coils must stay distinguishable: their unknown words become a keyed
pseudonym. Elsewhere unknown words are left out.
"""

import re

from medinorm.ingest.deidentify.pseudonyms import Pseudonyms

_UNLISTED = 6  # characters of a pseudonym


def _words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Words of model names, by vendor.
_MODEL_WORDS = _words(
    """
    magnetom skyra prisma fit trio triotim tim verio dot avanto aera sola vida lumina
    altea espree symphony symphonytim sonata sonatavision allegra terra impact expert
    harmony concerto open essenza spectra amira sempra cima free max star viato mobile
    vision plus sensation somatom definition flash edge drive force emotion confidence
    perspective scope spirit balance go now up all top sim naeotom alpha peak pro cite
    biograph mmr mct horizon vision quadra hirez truepoint exam duo sierra fast xq xr
    bio ge signa genesis excite hdx hdxt hde hdi lx echospeed horizon profile ovation
    infinity discovery optima brivo architect premier pioneer artist explorer voyager
    hero victor prime creator uhp champion air contour elite lightspeed brightspeed
    hispeed highspeed ultra vct revolution evo frontier ct ascend maxima gsi es apex
    advance rx ste st dst dstplus omni legend iq mi dr pet mr hd x ace light speed
    philips achieva ingenia intera gyroscan panorama elition ambition evolution multiva
    prodiva dstream nova quasar dual tx cx omega hp omnis msk ingenuity tf gemini gxl
    vereos brilliance ict iqon incisive access spectral elite mx big bore digital
    precedence eclipse edge mxtwin allura
    toshiba canon titan vantage galan orian elan fortian atlas centurian excelart
    powered xgv saturn zgv supreme edition xg aquilion one prime lightning lb start
    rxl serve precision exceed cartesion genesis vision asteion activion alexion insight
    zgo visart opart flexart
    hitachi oasis echelon airis altaire aperto trillium oval velocity scenaria supria
    smart synergy mate lucent vento eclos fujifilm fct speedia apertolucent airismate
    hyperfine swoop lucy portable point of care
    umr uct upmr umi uexplorer umr780 umr790 jupiter rena
    bruker biospec pharmascan icon clinscan medspec usr esaote scan brio vet grande
    neusoft neuviz philips essence glory superstar synaptive evry paramed mropen fonar
    upright stand anke openmark supermark alltech time echo aspect wristview m
    mri mrt as rt mr system systems scanner tesla evolve upgrade series magnet
    master cti fxi nxi zxi qxi dxi sxi lxi fx zx qx sx dx i s c g o e zeus sytec
    prospeed vectra advantage starguide quantum varicam hawkeye infinia petmr
    cardiac volume zoom access navigator somaris tpi hd2 flow ecat exact hrrt hr
    nt acs powertrak hfo outlook proview apollo polaris idt aura tomoscan av secura sr
    marconi picker allegro guardian infinion tof gs slice compact sp cxl multi super4
    xpress auklet xvision paradigm celesteion opus eterna ii iii pronto radix stratis
    nx ux panvivo panorama ultimate neumr eternity bright
    """
)
# MR450w, CT750, 16, 1.5T, 3T, uMR570, S: a few letters, a few digits.
_MODEL_NUMBER = re.compile(
    r"(mr|ct|umr|uct|upmr|umi|mct|gt|hd|s|t|v|x|es|pq|mx|mxl)?\d{1,4}(\.\d)?"
    r"(t|w|e|x|i|s|hd|rx|\+)?"
    # Codes of Canon and of Hitachi: MRT50H1, MRT200PP3, TSX-101A.
    r"|mr[tp]\d{2,4}[a-z]{0,2}\d{0,2}|mr[tp]|tsx|\d{3,4}[a-z]",
    re.IGNORECASE,
)

_SOFTWARE_WORDS = _words(
    """
    syngo numaris mr ct pt pet lx software release version ver sw rev build r sp hf
    patch rc beta signaworks signa works hd hdx dv xa va vb vd ve n d e b a v vx via
    """
)
# E11, VE11C, 5.3.1.1, HD16.0_V02_1131.a, V8.0-SP1, rc8.7.0, 24
_PART = r"[A-Z]{0,4}\d{1,3}([A-Z]{1,2}\d{0,2})?"
_VERSION = re.compile(
    rf"{_PART}([._*-]({_PART}|[A-Z]))*(_[VR]\d\d_\d{{4}}(\.[a-z]+)?)?", re.IGNORECASE
)
_DATE_LIKE = re.compile(r"(?<!\d)\d\d[._-]\d\d[._-]\d\d(?!\d)")

_RECONSTRUCTION_KERNELS = _words(
    """
    standard std soft bone boneplus bone+ detail lung edge edge+ edge1 edge2 edge3 chst
    ultra smooth sharp softtissue head body brain stnd dtl body+
    """
)
# Siemens B30f, Br40d, Hr38s, I31f, Qr36d; Canon FC18; Philips A, YA, UB; a strength.
_RECONSTRUCTION_KERNEL = re.compile(
    r"[BHTUSQDJI][rvupfs]?\d{2}[a-z]?|FC\d{2}(-[A-Z])?|[A-Z]{1,2}|\d{1,2}"
)

_COIL_WORDS = _words(
    """
    head neck headneck hn nv brain hrbrain hnsbrain ns nsl spine cspine ctl tl lspine
    body bodymatrix matrix torso cardiac breast knee foot ankle shoulder wrist hand hip
    flex small medium large array coil coils multi multicoil sense ch channel channels
    ch1 anterior posterior ant post hd hns hr qd tr tx rx tim dstream ds air ultra split
    top bottom upper lower front back base element elements loop surface volume
    birdcage transmit receive quad quadrature combined phased local integrated body
    hdx gem express suite split t r c he hea hep ne nec sp bo bc bm bcc hc hap pa fo
    spl ff l s m dual pediatric infant peds neurovascular q b
    """
)
_COIL_NUMBER = re.compile(
    r"\d{1,3}(ch|hr|t|tx|rx|chan)?|(he|hea|hep|ne|nec|sp|bo|hc|bc|bm|b|c|t|r)\d{1,2}"
    r"|\d{1,2}(hrbrain|ns|nv|head)",
    re.IGNORECASE,
)
_THREE_NUMBERS = re.compile(r"\d[._/-]\d+[._/-]\d")
_SEPARATORS = re.compile(r"[^A-Za-z0-9.]+")
_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|[.]")


def redact_model(text: str, pseudonyms: Pseudonyms) -> str:
    """The model name of a scanner; what is unknown in it becomes a pseudonym.

    Args:
        text: as in the header.
        pseudonyms: holds the key.

    Examples:
        >>> names = Pseudonyms(bytes(32))
        >>> redact_model("DISCOVERY MR750w", names), redact_model("Prisma_fit", names)
        ('DISCOVERY MR750w', 'Prisma_fit')
        >>> redact_model("Skyra of J. Doe", names)[:15]
        'Skyra of unlist'
    """
    return _known_or_pseudonym("model", text, pseudonyms, (_MODEL_WORDS, _MODEL_NUMBER))


def redact_coil(text: str, pseudonyms: Pseudonyms) -> str:
    """The name of a coil; what is unknown in it becomes a pseudonym.

    Examples:
        >>> names = Pseudonyms(bytes(32))
        >>> redact_coil("SENSE-Head-8", names), redact_coil("HeadMatrix", names)
        ('SENSE-Head-8', 'HeadMatrix')
        >>> redact_coil("Mrs Doe's", names)[:8]
        'unlisted'
    """
    return _known_or_pseudonym("coil", text, pseudonyms, (_COIL_WORDS, _COIL_NUMBER))


def redact_software(text: str) -> str:
    r"""Software versions, joined by ``; ``; other words are left out.

    Args:
        text: as in the header, several versions joined by ``\``.

    Examples:
        >>> redact_software("24\\LX\\MR Software release:HD16.0_V02_1131.a")
        '24; LX; MR Software release:HD16.0_V02_1131.a'
        >>> redact_software("syngo MR E11 Doe 03.02.1951")
        'syngo MR E11'
    """
    versions = (
        " ".join(word for word in version.split() if _is_version(word))
        for version in text.split("\\")
    )
    return "; ".join(filter(None, versions))


def redact_reconstruction_kernel(text: str) -> str:
    r"""A reconstruction kernel, several joined by ``; ``; unknown words are left out.

    Examples:
        >>> redact_reconstruction_kernel("Br40d\\3")
        'Br40d; 3'
        >>> redact_reconstruction_kernel("Doe")
        ''
    """
    words = text.replace("\\", " ").split()
    return "; ".join(filter(_is_reconstruction_kernel, words))


def _is_reconstruction_kernel(word: str) -> bool:
    """Whether a word is the name of a reconstruction kernel, or a strength."""
    listed = word.lower() in _RECONSTRUCTION_KERNELS
    return listed or bool(_RECONSTRUCTION_KERNEL.fullmatch(word))


def _is_version(word: str) -> bool:
    """Whether a word is a version, or a word that stands before versions."""
    if _DATE_LIKE.search(word):
        return False
    return all(
        _VERSION.fullmatch(piece)
        or all(_is_listed(p, _SOFTWARE_WORDS, _VERSION) for p in piece.split("_"))
        for piece in word.split(":")
    )


def _known_or_pseudonym(
    kind: str,
    text: str,
    pseudonyms: Pseudonyms,
    known: tuple[frozenset[str], re.Pattern[str]],
) -> str:
    """The text if all its words are known; else those, and a name for the others."""
    words = [word for word in text.split() if re.search(r"[A-Za-z0-9]", word)]
    unknown = [word for word in words if not _is_known(word, *known)]
    if not unknown:
        return " ".join(re.sub(r"[^A-Za-z0-9 ._:;,/()+-]", "", " ".join(words)).split())
    kept = [word for word in words if word not in unknown]
    label = pseudonyms.name(kind, " ".join(unknown), length=_UNLISTED)
    return " ".join([*kept, f"unlisted-{label}"])


def _is_known(word: str, words: frozenset[str], number: re.Pattern[str]) -> bool:
    """Whether a word is no date, and each piece of it is known or a short number."""
    return not _THREE_NUMBERS.search(word) and all(
        _is_listed(piece, words, number)
        or all(_is_listed(p, words, number) for p in _BOUNDARY.split(piece))
        for piece in _SEPARATORS.split(word)
    )


def _is_listed(piece: str, words: frozenset[str], number: re.Pattern[str]) -> bool:
    """Whether a piece of a word is known."""
    return not piece or piece.lower() in words or bool(number.fullmatch(piece))
