import pytest

from medinorm.segment.label_codes import PRIVATE_SCHEME, find_code


@pytest.mark.parametrize(
    ("name", "meaning", "side"),
    [
        ("liver", "Liver", None),
        ("Gray_Matter", "Gray matter", None),
        ("hippocampus", "Hippocampus", None),
        ("kidney, right", "Kidney", "Right"),
        ("left ventricle", "Left ventricle", None),  # a code of its own
        ("Blood", "Blood", None),
    ],
)
def test_a_name_of_a_code_has_it(name, meaning, side):
    code = find_code(1, name)
    assert code.type.meaning.lower() == meaning.lower()
    assert code.type.scheme_designator == "SCT"
    assert (code.side.meaning if code.side else None) == side


@pytest.mark.parametrize("name", ["shell", "left", "liver lesion", "leftover"])
def test_any_other_name_has_a_code_of_ours(name):
    code = find_code(255, name)
    assert (code.type.scheme_designator, code.type.meaning) == (PRIVATE_SCHEME, name)
    assert code.category.meaning == "Anatomical Structure"
    assert len(code.type.value) <= 16
