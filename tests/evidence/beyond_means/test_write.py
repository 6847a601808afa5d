"""All tables beyond means are written, and the layout knows them."""

from medinorm.config import EvidenceConfig
from medinorm.domain_noun import DomainNoun
from medinorm.evidence.beyond_means.write import write_beyond_means
from medinorm.evidence.cases import read_cases
from medinorm.evidence.study_scores import StudyScores
from medinorm.layout import EVIDENCE


def test_the_layout_names_each_table(study, tmp_path):
    study.compare(resamples=100)
    cases = read_cases([tmp_path / "scores.tsv"], tmp_path / "splits.tsv")
    scores = StudyScores.of(cases, EvidenceConfig(resamples=100), DomainNoun("scanner"))
    folder = tmp_path / "more"
    write_beyond_means(folder, scores, [], None, threshold=0.5)
    names = {path.stem for path in folder.glob("*.tsv")}
    assert names
    assert names <= set(EVIDENCE)
