from medinorm.ingest.plan.participants import read_participants


def test_without_a_table_nothing_is_known(tmp_path):
    people = read_participants(tmp_path / "participants.tsv")
    assert people.of("01") == {}
    assert people.unlisted({"01"}) == []


def test_empty_rows_and_ids_are_nothing(tmp_path):
    path = tmp_path / "participants.tsv"
    path.write_text("participant_id\tsite\n\t\nn/a\tA\nsub-AB\tB\n")
    people = read_participants(path)
    assert people.of("ab") == {"site": "B"}
    assert people.of("01") == {"site": ""}
    assert [row.where for row in people.unlisted({"01", "ab"})] == ["participants.tsv"]
