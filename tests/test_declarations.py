"""Declarations are read from the text of files, without importing them."""

import pytest

from medinorm import declarations
from medinorm.declarations import read_declarations


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Writes modules of a package that stands for `medinorm`."""
    monkeypatch.setattr(declarations, "files", lambda _: tmp_path)
    read_declarations.cache_clear()

    def write(**modules):
        (tmp_path / "things").mkdir(exist_ok=True)
        for name, text in modules.items():
            (tmp_path / "things" / f"{name}.py").write_text(text)

    yield write
    read_declarations.cache_clear()


def test_a_package_and_a_module_are_read_and_never_imported(declare):
    declare(
        b='@thing("two", "the second", needs=("style",))\nclass Two:\n    pass\n',
        a='raise ImportError\n@thing("one", "the " "first")\ndef one(): ...\n',
    )
    found = read_declarations("medinorm.things", "thing")
    assert list(found) == ["one", "two"]
    assert found["one"].text == "the first"
    assert found["two"].facts == {"needs": ("style",)}
    assert found["two"].module == "medinorm.things.b"
    assert list(read_declarations("medinorm.things.b", "thing")) == ["two"]
    assert not read_declarations("medinorm.things", "other")


def test_the_target_and_its_parameters_are_read(declare):
    declare(
        a='@thing("one", "x")\ndef one(a, /, b, *, c=1, **rest): ...\n'
        '@thing("two", "x")\nclass Two:\n    def __init__(self, d, *, e=2): ...\n'
        '@thing("three", "x")\nclass Three:\n    def run(self, f): ...\n',
    )
    found = read_declarations("medinorm.things", "thing")
    assert [each.target for each in found.values()] == ["one", "Two", "Three"]
    assert found["one"].parameters == ("a", "b", "c")
    assert found["two"].parameters == ("d", "e")
    assert found["three"].parameters is None


def test_the_types_of_parameters_are_read_as_text(declare):
    declare(
        a='@thing("one", "x")\nclass One:\n    def __init__(\n        self, a: int,\n'
        '        *, b: "float | None" = None, c=2, d: Literal["x"] = "x"\n    ): ...\n'
    )
    found = read_declarations("medinorm.things", "thing")["one"]
    assert found.kinds == {"a": "int", "b": "'float | None'", "d": "Literal['x']"}


def test_a_name_declared_twice_is_refused(declare):
    text = '@thing("one", "x")\nclass One:\n    pass\n'
    declare(a=text, b=text)
    with pytest.raises(ValueError, match="'one' is declared twice"):
        read_declarations("medinorm.things", "thing")


def test_nothing_but_what_is_declared_is_parsed(declare):
    declare(
        a='this is no Python\n@thing(\n    "one",\n    "x",\n)\n@other\ndef one(\n'
        "    a,\n) -> dict[\n    str, int\n]:\n    return {}\n\n\nneither is this\n"
        '@thing("two", "x")\nclass Two:\n    pass',
    )
    declarations = read_declarations("medinorm.things", "thing")
    assert declarations["one"].parameters == ("a",)
    assert declarations["two"].target == "Two"


@pytest.mark.parametrize(
    "body",
    [
        "    pass\n# a note at the margin\n    def __init__(self, a): ...\n",
        '    TEXT = """\nat the margin\n"""\n    def __init__(self, a): ...\n',
        "    X = {\n1: 2,\n}\n    def __init__(self, a): ...\n",
        "    X = 1 + \\\n2\n    def __init__(self, a): ...\n",
    ],
    ids=["comment", "text", "bracket", "continued line"],
)
def test_a_line_at_the_margin_does_not_end_a_class(declare, body):
    before = '"""Of old::\n\n@thing("none", "x")\n"""\n'
    declare(a=f'{before}@thing("one", "x")\nclass One:\n{body}\nY = 1\n')
    declarations = read_declarations("medinorm.things", "thing")
    assert list(declarations) == ["one"]
    assert declarations["one"].parameters == ("a",)


def test_a_damaged_file_is_named(declare):
    declare(a='@thing("one", "x")\nclass One(:\n    pass\n')
    with pytest.raises(SyntaxError) as caught:
        read_declarations("medinorm.things", "thing")
    assert caught.value.filename == "medinorm.things.a"
