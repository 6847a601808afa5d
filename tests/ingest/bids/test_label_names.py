from medinorm.ingest.bids.label_names import compare_label_names, read_label_names


def test_names_and_abbreviations_of_each_value(tmp_path):
    path = tmp_path / "dseg.tsv"
    path.write_text("index\tname\tabbreviation\n0\tBack\t\n1.0\tA  b\tAB\nx\tC\tC\n")
    assert read_label_names(path) == {0: {"back"}, 1: {"a b", "ab"}}


def test_other_words_are_told_in_the_log(tmp_path, caplog):
    path = tmp_path / "dseg.tsv"
    path.write_text("index\tname\n1\tGray Matter\n2\tLesion\n")
    assert compare_label_names(path, {1: "cortex", 2: "lesion", 3: "x"}) == ""
    assert "otherwise than input.label_values: 1;" in caplog.text


def test_messages_repeat_no_cell(tmp_path):
    path = tmp_path / "dseg.tsv"
    path.write_text("index\tname\n2\tLESION\n1\tDoe\n")
    assert compare_label_names(path, {1: "lesion"}) == (
        "dseg.tsv gives the name 'lesion' to value 2, and input.label_values to 1; "
        "correct input.label_values"
    )
    path.write_bytes(b"\xff")
    assert "not UTF-8" in compare_label_names(path, {1: "lesion"})
