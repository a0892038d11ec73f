"""Read by every Jupyter server of this image, whoever starts it (Docker, Apptainer, Kubernetes)."""

import sys

sys.path.insert(0, "/opt/conda/share/gaia-vre")

import mounted_kernels
import session_record

mounted_kernels.offer()
c = get_config()  # type: ignore[name-defined]  # noqa: F821  # pylint: disable=undefined-variable
c.ServerApp.tornado_settings = {"page_config_data": session_record.page_config()}
