"""The columns of the tables, for those who do not read records yet."""

from medinorm.files.records import column_names
from medinorm.records import evidence
from medinorm.variant import Variant

VARIANT_COLUMNS = Variant._fields
CASE_COLUMNS = column_names(evidence.CaseRow)
DOMAIN_COLUMNS = column_names(evidence.DomainRow)
GAP_COLUMNS = column_names(evidence.GapRow)
SUMMARY_COLUMNS = column_names(evidence.SummaryRow)
DIFFERENCE_COLUMNS = column_names(evidence.DifferenceRow)
EFFECT_COLUMNS = column_names(evidence.EffectRow)
RANKING_COLUMNS = column_names(evidence.RankingRow)
FAIRNESS_COLUMNS = column_names(evidence.FairnessRow)
