"""``python -m medinorm`` is the command ``medinorm``."""

import sys

_WITHOUT = (
    "medinorm: only the layers are installed; for the command line and the workflow: "
    "pip install 'medinorm[workflow]'\n"
)


def main() -> int:
    """Run the command line, or say what it needs; the exit code."""
    try:
        from medinorm.cli.main import main as run_stage  # noqa: PLC0415 - may lack
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("medinorm"):
            raise
        sys.stderr.write(_WITHOUT)
        return 1
    return run_stage()


if __name__ == "__main__":
    sys.exit(main())
