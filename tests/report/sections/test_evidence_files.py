"""Every file of the comparison is named."""

from medinorm.report.sections.evidence_files import write_evidence_files


def test_all_files_are_listed_by_name(fake_study):
    inputs = fake_study().inputs()
    section = write_evidence_files.write(inputs)
    names = [
        f'<a href="../evidence/{path.name}"><code>{path.name}</code></a>'
        for path in inputs.evidence.glob("[!.]*")
    ]
    assert len(names) == 8
    assert all(name in section for name in names)
    assert "checksum" not in section
