"""Read by every Jupyter server of this image, whoever starts it (Docker, Apptainer, Kubernetes)."""

import sys

sys.path.insert(0, "/opt/conda/share/gaia-vre")

import mounted_kernels

mounted_kernels.offer()
