"""The subcommands, in the order of the data: a name and the function behind it.

The decorator `medinorm.jobs.declare.stage` makes a function a subcommand; this table is
generated, so that the command line need not read all files. Everything else follows
from the function: its arguments are the flags, its docstring is the help. See
`medinorm.cli.signatures`.
"""

from collections.abc import Mapping

STAGES: Mapping[str, str] = {
    # generated: stage table
    "demo": "medinorm.demo.study:write_demo",
    "fetch": "medinorm.ingest.pacs.fetch:fetch_series",
    "index": "medinorm.ingest.index:index_input",
    "plan": "medinorm.ingest.plan.stage:plan_scans",
    "convert": "medinorm.ingest.convert.stage:convert_scans",
    "collect": "medinorm.ingest.collect.stage:collect_scans",
    "ingest": "medinorm.ingest.stage:ingest_scans",
    "split": "medinorm.split.stage:split_scans",
    "final-split": "medinorm.split.final:write_final_split",
    "fit": "medinorm.harmonize.fit:fit_intensity",
    "harmonize": "medinorm.harmonize.stage:harmonize_scans",
    "choose-rate": "medinorm.learning_rates.stage:choose_rate",
    "train": "medinorm.train.stage:train_networks",
    "predict": "medinorm.predict.stage:predict_scans",
    "score": "medinorm.score.stage:score_predictions",
    "evidence": "medinorm.evidence.stage:compare_variants",
    "environment": "medinorm.environment.stage:record_environment",
    "report": "medinorm.report.pages.report_page:write_report",
    "previews": "medinorm.report.figures.previews:draw_previews",
    "qc": "medinorm.report.pages.quality_page:write_quality_page",
    "bundle": "medinorm.bundle.stage:write_bundle",
    "segment": "medinorm.segment.stage:segment_scans",
    "strict": "medinorm.ingest.strict:require_all",
    "export": "medinorm.ingest.export:export_dicom",
    "audit": "medinorm.audit.stage:audit_folder",
    "schema": "medinorm.config.reference:write_reference",
    "expect": "medinorm.expected.stage:expect_dice",
    "training-plan": "medinorm.training_plan.stage:write_plan",
    "init": "medinorm.init.stage:draft_study",
    # end of stage table
}
