# The workflow is part of the package: `medinorm/workflow/`.
include: "medinorm/workflow/Snakefile"
