"""The section links files that the report writes beside itself."""

from medinorm import layout
from medinorm.report.documents.checklists import DOCUMENTS
from medinorm.report.documents.multiqc import DOMAINS, VARIANTS
from medinorm.report.sections.record.checklists import write_checklists


def test_linked_files_are_there(fake_study):
    study = fake_study(subjects=2)
    study.report()
    section = write_checklists.write(study.inputs())
    for document in DOCUMENTS:
        assert f'href="{document.name}"' in section
        assert (study.root / "report" / document.name).exists()


def test_the_workflow_knows_all_files():
    assert set(layout.DOCUMENTS) == {
        *(document.name for document in DOCUMENTS),
        *(VARIANTS, DOMAINS),
    }
