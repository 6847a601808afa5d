"""The study's configuration: one frozen section for each part of the workflow.

`config/schema.json` and the key reference in `config/README.md` are generated from
these sections (``medinorm schema``); a test keeps them in step.
"""

from medinorm.config.evidence import EvidenceConfig
from medinorm.config.harmonize import (
    AutoHarmonizeConfig,
    GridConfig,
    HarmonizeConfig,
    N4Config,
)
from medinorm.config.input.dicom import (
    ExportConfig,
    GeometryConfig,
    PlaneName,
    SelectRule,
)
from medinorm.config.input.pacs import PacsConfig
from medinorm.config.intensities import IntensityOptions
from medinorm.config.predict import PredictConfig
from medinorm.config.report import ReportConfig
from medinorm.config.score import MeasureConfig, ScoreConfig
from medinorm.config.source import (
    DemoConfig,
    IngestConfig,
    InputConfig,
    SplitConfig,
    TaskConfig,
)
from medinorm.config.study import ExperimentsConfig, StudyConfig, parse_study
from medinorm.config.train import (
    AutoNetworkConfig,
    AutoTrainConfig,
    BudgetConfig,
    NetworkConfig,
    TrainConfig,
)

__all__ = [
    "AutoHarmonizeConfig",
    "AutoNetworkConfig",
    "AutoTrainConfig",
    "BudgetConfig",
    "DemoConfig",
    "EvidenceConfig",
    "ExperimentsConfig",
    "ExportConfig",
    "GeometryConfig",
    "GridConfig",
    "HarmonizeConfig",
    "IngestConfig",
    "InputConfig",
    "IntensityOptions",
    "MeasureConfig",
    "N4Config",
    "NetworkConfig",
    "PacsConfig",
    "PlaneName",
    "PredictConfig",
    "ReportConfig",
    "ScoreConfig",
    "SelectRule",
    "SplitConfig",
    "StudyConfig",
    "TaskConfig",
    "TrainConfig",
    "parse_study",
]
