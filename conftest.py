"""What pytest may import when it looks for examples: not what needs Triton."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("triton") else ["medinorm/layers/kernels/programs.py"]
