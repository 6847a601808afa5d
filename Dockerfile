# medinorm with its workflow, on a CPU:
#
#   docker build --tag medinorm .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/study" medinorm \
#       --cores all --configfile my.yaml
#
# The folder with the study file and the input is mounted at /study; results and the private
# folder are written there. For a card build with
# --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 and run with --gpus all.
FROM python:3.13-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    MKL_NUM_THREADS=1 \
    HOME=/tmp

WORKDIR /opt/medinorm
COPY constraints.txt pyproject.toml README.md LICENSE Snakefile ./
COPY medinorm medinorm
COPY profiles profiles
RUN pip install --constraint constraints.txt --extra-index-url "$TORCH_INDEX" ".[pacs]"

# No root: input is read and results are written as the caller, see `--user` above.
USER 1000
WORKDIR /study
ENTRYPOINT ["snakemake", "--snakefile", "/opt/medinorm/Snakefile", "--workflow-profile", "/opt/medinorm/profiles/default"]
CMD ["--help"]
