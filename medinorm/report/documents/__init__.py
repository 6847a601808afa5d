"""Files beside the report: checklists, a model card, tables for MultiQC."""
