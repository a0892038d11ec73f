"""What the hub tells its admins: metrics of ours on the hub's ``/metrics``, and one line in the log for each launch.

docs/monitoring.md describes each metric. Labels hold names from the manifest and names of messages, never what a user
sent, so their number is bounded.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import suppress

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import GaugeMetricFamily
from tornado.ioloop import PeriodicCallback
from traitlets.log import get_logger

from gaia_vre_hub.centre import CentreFiles
from gaia_vre_hub.options import Choice

# No image or composition can have this name.
OWN_CHOICE = "(own choice)"
LOOK_EVERY = 1000  # milliseconds
PLAIN = re.compile(r"[A-Za-z0-9_.@:,/+-]+")

LAUNCHES = Counter("gaia_vre_launches", "Launches by composition and result", ["composition", "result"])
IMAGE_LAUNCHES = Counter("gaia_vre_image_launches", "Launches that an image took part in", ["image", "result"])
REFUSALS = Counter("gaia_vre_refusals", "Choices that were not launched, by the message that was told", ["reason"])


def refused(user: str, reason: str) -> None:
    """Count and log a choice that is not launched; what the user sent is in neither."""
    REFUSALS.labels(reason).inc()
    get_logger().info(line("refusal", user=user, reason=reason))


def launched(choice: Choice, user: str, seconds: float, error: BaseException | None, *, counts: bool) -> None:
    """Count and log the end of a launch.

    :param error: what it failed with, None when the session is ready.
    :param counts: False for the check's own sessions, which are no use of the hub.
    """
    result = "failed" if error is not None else "ready"
    if counts:
        LAUNCHES.labels(choice.composition or OWN_CHOICE, result).inc()
        for name in choice.images:
            IMAGE_LAUNCHES.labels(name, result).inc()
    images = ",".join(f"{name}@{pin.digest[7:19]}" for name, pin in choice.images.items())
    fields: dict[str, object] = {"user": user, "composition": choice.composition or "", "images": images}
    fields |= {"outcome": result, "seconds": f"{seconds:.3f}"}
    if error is not None:
        fields["error"] = type(error.__cause__ or error).__name__  # the user read our words for it
    get_logger().info(line("launch", **fields))


def line(event: str, **fields: object) -> str:
    """``event key=value …``; a value with anything but plain signs is a JSON string, so no line can be forged."""
    shown = (f"{key}={_value(str(value))}" for key, value in fields.items())
    return " ".join([event, *shown])


def _value(text: str) -> str:
    return text if PLAIN.fullmatch(text) else json.dumps(text)


class Collector:
    """Reads what there is now at each scrape, so that nothing which is gone lingers."""

    def __init__(self, files: CentreFiles) -> None:
        self.files = files

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As prometheus_client asks for them."""
        manifest = self.files.manifest.current()
        notice, checks = self.files.notice.current(), self.files.checks.current()
        file = self.files.manifest
        yield _gauge("manifest_usable", "1 when the manifest on disk is the one in use, else 0", file.good)
        yield _gauge("manifest_written_timestamp_seconds", "When the manifest in use was written", file.written)
        yield _gauge("draining", "1 while no new session may start", notice is not None and notice.drain)
        info = GaugeMetricFamily(
            "gaia_vre_manifest_info", "The manifest in use, by the start of its sha256", labels=["sha256"]
        )
        states = GaugeMetricFamily("gaia_vre_images", "Images by state", labels=["state"])
        if manifest is not None:
            info.add_metric([file.sha256[:12]], 1)
            for state in ("offered", "candidate"):
                having = [image for image in manifest.images.values() if getattr(image, state) is not None]
                states.add_metric([state], len(having))
            states.add_metric(["retained"], sum(len(image.retained) for image in manifest.images.values()))
        yield info
        yield states
        ok = GaugeMetricFamily(
            "gaia_vre_check_ok", "1 when every kernel of the image ran at its last check", labels=["image"]
        )
        at = GaugeMetricFamily("gaia_vre_check_timestamp_seconds", "When the image was checked last", labels=["image"])
        for name, found in (checks.images if checks is not None else {}).items():
            if manifest is not None and name in manifest.images:
                ok.add_metric([name], found.ok)
                at.add_metric([name], found.at.timestamp())
        yield ok
        yield at


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"gaia_vre_{name}", text, value=float(value))


class Watch:
    """One hub's files: in its metrics, and looked at each second, so that log and metrics tell of junk at once."""

    collector: Collector | None = None

    @classmethod
    def start(cls, files: CentreFiles) -> None:
        """Begin; what an earlier configuration of this process began is replaced."""
        if cls.collector is not None:
            REGISTRY.unregister(cls.collector)
        cls.collector = Collector(files)
        REGISTRY.register(cls.collector)
        # A configuration is also read where no hub runs, as by `jupyterhub token`.
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            PeriodicCallback(files.look, LOOK_EVERY).start()
