"""What the hub of the browser tests offers: everything that a card can show."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

LANGUAGES = {"python3": ("python", "Python 3"), "ir": ("R", "R"), "julia-1.11": ("julia", "Julia 1.11")}


def digest(name: str, version: str) -> str:
    """A digest that stays the same from run to run."""
    return "sha256:" + hashlib.sha256(f"{name}:{version}".encode()).hexdigest()


def pin(name: str, version: str, packages: dict[str, str] | None = None, kernel: str = "python3") -> dict[str, Any]:
    """One version of an image, as the collection compiles it; a system image without packages."""
    reference = f"registry.example.org/vre/{name}@{digest(name, version)}"
    found: dict[str, Any] = {
        "reference": reference,
        "tag": f"registry.example.org/vre/{name}:{version}",
        "digest": digest(name, version),
        "version": version,
        "size": 40_000_000 + len(name) * 31_700_000,
    }
    if packages is None:
        return {**found, "launch": {"image": reference}}
    language, display_name = LANGUAGES[kernel]
    return {
        **found,
        "environments": {
            name: {"kernels": {kernel: {"language": language, "display_name": display_name}}, "packages": packages}
        },
        "envs_dir": f"/opt/gaia/{name}/envs",
        "mount": {"Type": "image", "Source": reference, "Target": f"/opt/gaia/{name}", "ReadOnly": True},
    }


def image(title: str, french: str, offered: Any, **more: Any) -> dict[str, Any]:
    """An image of the offer."""
    kind = "system" if offered and "launch" in offered else "business"
    return {"kind": kind, "title": {"en": title, "fr": french}, "offered": offered, "candidate": None, **more}


OCEAN = {
    "python": "3.13.1",
    "croco-tools": "2.1",
    "dask": "2026.9",
    "netcdf4": "1.7.2",
    "numpy": "2.3.5",
    "scipy": "1.16",
    "xarray": "2026.10",
    "xgcm": "0.9",
    "zarr": "3.1",
}


def offer() -> dict[str, Any]:
    """The manifest: ``oceanographers`` see ocean; ``coast`` sees shore; geo failed its first check."""
    return {
        "version": 1,
        "centre": {"name": "example", "title": {"en": "Example"}},
        "substrate": "docker",
        "mount_kind": "image",
        "check": {"user": "gaia-vre-check"},
        "free_choice": True,
        "images": {
            "lab": image("JupyterLab", "JupyterLab", pin("lab", "2026.11")),
            "ocean": image(
                "Ocean modelling",
                "Modélisation océanique",
                pin("ocean", "2026.2", OCEAN),
                groups=["oceanographers"],
                retained=[pin("ocean", "2026.1", OCEAN)],
                description={
                    "en": "Preparation and analysis of regional ocean simulations.",
                    "fr": "Préparation et analyse de simulations océaniques régionales.",
                },
                keywords=["ocean", "modelling"],
                documentation="https://docs.example.org/ocean",
            ),
            "atmosphere": image(
                "Atmosphere",
                "Atmosphère",
                pin("atmosphere", "2026.1", {"python": "3.13.1", "metpy": "1.7", "xarray": "2026.10", "cfgrib": "0.9"}),
                description={"en": "Analysis of atmospheric fields.", "fr": "Analyse de champs atmosphériques."},
                keywords=["weather", "climate"],
                documentation="https://docs.example.org/atmosphere",
            ),
            "biodiversity": image(
                "Biodiversity",
                "Biodiversité",
                pin("biodiversity", "2026.1", {"r-base": "4.5.1", "r-vegan": "2.7", "r-sf": "1.0"}, "ir"),
                description={"en": "Species and their traits, in R.", "fr": "Les espèces et leurs traits, en R."},
                keywords=["species", "traits"],
                candidate=pin("biodiversity", "2026.2", {"r-base": "4.5.2"}, "ir"),
            ),
            "climate": image(
                "Climate statistics",
                "Statistiques du climat",
                pin("climate", "2025.4", {"julia": "1.11.5", "rasters": "0.14"}, "julia-1.11"),
                description={"en": "Trends and extremes, in Julia.", "fr": "Tendances et extrêmes, en Julia."},
                keywords=["climate", "statistics"],
                documentation="https://docs.example.org/climate",
            ),
            "geo": image(
                "Maps and geodata",
                "Cartes et géodonnées",
                None,
                candidate=pin("geo", "2026.1", {"python": "3.13.1", "geopandas": "1.1"}),
                description={
                    "en": "Reading, projecting and drawing geographic data.",
                    "fr": "Lecture, projection et tracé de données géographiques.",
                },
                keywords=["maps"],
            ),
        },
        "compositions": {
            "coastal": {
                "title": {"en": "Coastal studies", "fr": "Études côtières"},
                "description": {"en": "Sea and air together.", "fr": "La mer et l'air ensemble."},
                "system": "lab",
                "business": ["ocean", "atmosphere"],
                "resources": "large",
            },
            "shore": {
                "title": {"en": "Shoreline", "fr": "Rivage"},
                "system": "lab",
                "business": ["atmosphere", "biodiversity"],
                "groups": ["coast"],
            },
            "atlas": {
                "title": {"en": "Atlas", "fr": "Atlas"},
                "description": {"en": "Maps of everything.", "fr": "Des cartes de tout."},
                "system": "lab",
                "business": ["biodiversity", "geo"],
            },
        },
        "resources": {
            "small": {"title": {"en": "Small", "fr": "Petit"}, "cpu": 1.0, "memory": 2 << 30},
            "large": {
                "title": {"en": "Large", "fr": "Grand"},
                "description": {"en": "For simulations.", "fr": "Pour les simulations."},
                "cpu": 4.0,
                "memory": 8 << 30,
            },
        },
    }


def checks() -> dict[str, Any]:
    """What the check found three hours ago: climate broke, a new biodiversity and the first geo never worked."""
    at = (datetime.now(UTC) - timedelta(hours=3, minutes=5)).isoformat()

    def result(name: str, version: str, **more: Any) -> dict[str, Any]:
        return {"digest": digest(name, version), "at": at, "ok": True, "kernels": 1, **more}

    broken = {"ok": False, "kernels": 0, "error": "the kernel died"}
    return {
        "version": 1,
        "images": {
            "lab": result("lab", "2026.11"),
            "ocean": result("ocean", "2026.2"),
            "atmosphere": result("atmosphere", "2026.1"),
            "biodiversity": result("biodiversity", "2026.2", failed=["conda-env-biodiversity-r"], **broken),
            "climate": result("climate", "2025.4", failed=["conda-env-climate-jl"], **broken),
            "geo": result("geo", "2026.1", failed=["conda-env-geo-py"], **broken),
        },
    }
