"""A subclass laid over the spawner class that the hub has: the admin's hooks and settings first, ours last."""

from __future__ import annotations

import inspect
import json
from typing import Any

from tornado import web
from traitlets import default

from gaia_vre_hub.form import render
from gaia_vre_hub.locale import language, say, text
from gaia_vre_hub.manifest import Manifest, ManifestFile
from gaia_vre_hub.options import Choice, Chooser, Refused, from_form, from_query
from gaia_vre_hub.substrates import SUBSTRATES


class RefusedError(web.HTTPError):
    """A refusal as JupyterHub shows it: its sentence on the page, and as ``message`` by REST."""

    def __init__(self, refused: Refused) -> None:
        # The log's arguments are not formatted into the sentence: it holds what a user sent.
        super().__init__(refused.status, log_message=refused.sentence.replace("%", "%%"))
        self.reason = None
        self.jupyterhub_message = refused.sentence


def over(base: type[Any], manifest_file: ManifestFile) -> type[Any]:  # noqa: C901 - one class, many short methods
    """The spawner class of the hub: ``base`` with the launch page, the choice and the mounts."""

    class VreSpawner(base):  # type: ignore[misc]
        """Launches what the manifest offers."""

        vre_manifest = manifest_file
        vre_template: dict[str, Any] | None = None

        # -- the launch page ------------------------------------------------------------------

        @default("options_form")
        def _vre_options_form(self) -> Any:
            return VreSpawner.vre_form

        @default("options_from_form")
        def _vre_options_from_form(self) -> Any:
            return self._vre_from_form

        @default("apply_user_options")
        def _vre_apply_user_options(self) -> Any:
            return lambda _spawner, _options: None  # ours are applied in run_pre_spawn_hook, after the admin's

        def vre_form(self) -> str:
            """The options form."""
            return render(self.vre_manifest.current(), self.user.name, self._vre_groups(), self._vre_language())

        def _vre_from_form(self, data: dict[str, list[str]]) -> dict[str, Any]:
            return self._vre_checked(from_form(data))

        def options_from_query(self, query_data: dict[str, list[str]]) -> dict[str, Any]:
            """A link's choice, checked before anything starts."""
            return self._vre_checked(from_query(query_data))

        # -- the choice -----------------------------------------------------------------------

        def _vre_groups(self) -> set[str]:
            return {group.name for group in self.user.groups}

        def _vre_language(self) -> str:
            handler = self.handler
            return language(handler.request.headers.get("Accept-Language", "")) if handler else "en"

        def _vre_current(self) -> Manifest:
            manifest = self.vre_manifest.current()
            if manifest is None:
                raise RefusedError(Refused(503, say("no_manifest", self._vre_language())))
            return manifest

        def _vre_choose(self, options: Any) -> Choice:
            chooser = Chooser(self._vre_current(), self.user.name, self._vre_groups(), self._vre_language())
            try:
                return chooser.choose(options)
            except Refused as refused:
                raise RefusedError(refused) from None

        def _vre_checked(self, options: dict[str, Any]) -> dict[str, Any]:
            self._vre_choose(options)
            return options

        # -- the launch -----------------------------------------------------------------------

        async def run_pre_spawn_hook(self) -> None:
            """The admin's hook, then the choice: whatever way it came, it is checked here."""
            done = super().run_pre_spawn_hook()
            if inspect.isawaitable(done):
                await done
            manifest = self._vre_current()
            choice = self._vre_choose(self.user_options)
            substrate = SUBSTRATES[manifest.substrate]
            absent = await substrate.missing(self, choice)
            if absent:
                lang = self._vre_language()
                titles = ", ".join(text(manifest.images[name].title, lang, name) for name in absent)
                self.log.error("images of the manifest are not on this host: %s", ", ".join(absent))
                raise RefusedError(Refused(503, say("absent", lang, value=titles)))
            self._vre_restore()
            substrate.prepare(self, choice)
            self._vre_apply(manifest, choice)

        def _vre_restore(self) -> None:
            """Undo what a former launch of this very object laid over the configuration."""
            names = [
                n for n in ("extra_host_config", "environment", "image", "mem_limit", "cpu_limit") if self.has_trait(n)
            ]
            if self.vre_template is None:
                self.vre_template = {name: getattr(self, name) for name in names}
            for name, value in self.vre_template.items():
                setattr(self, name, dict(value) if isinstance(value, dict) else value)

        def _vre_apply(self, manifest: Manifest, choice: Choice) -> None:
            envs = [pin.envs_dir for pin in choice.business if pin.envs_dir]
            record = {
                "centre": manifest.centre.name,
                "composition": choice.composition,
                "images": {
                    name: {"reference": pin.reference, "digest": pin.digest, "version": pin.version}
                    for name, pin in choice.images.items()
                },
            }
            self.environment = {
                **getattr(self, "environment", {}),
                "CONDA_ENVS_PATH": ":".join(envs),
                "CONDA_REGISTER_ENVS": "false",
                "GAIA_VRE_SESSION": json.dumps(record, sort_keys=True),
            }
            if choice.resources is not None:
                if choice.resources.memory:
                    self.mem_limit = choice.resources.memory
                if choice.resources.cpu:
                    self.cpu_limit = choice.resources.cpu

    VreSpawner.__name__ = f"Vre{base.__name__}"
    VreSpawner.__qualname__ = VreSpawner.__name__
    return VreSpawner
