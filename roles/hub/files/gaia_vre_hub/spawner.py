"""A subclass laid over the spawner class that the hub has: the admin's hooks and settings first, ours last."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from asyncio import CancelledError
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import url_path_join
from traitlets import default, observe

from gaia_vre_hub import metrics
from gaia_vre_hub.centre import CentreFiles
from gaia_vre_hub.errors import FailedError, Refused, RefusedError, Unready
from gaia_vre_hub.form import render
from gaia_vre_hub.links import link
from gaia_vre_hub.locale import LANGUAGES, MESSAGES, language, say, text
from gaia_vre_hub.manifest import Manifest
from gaia_vre_hub.options import Choice, Chooser, from_form, from_query
from gaia_vre_hub.substrates import SUBSTRATES
from gaia_vre_hub.words import lasting, machine, moment

ENVS_PATH = "CONDA_ENVS_PATH"
# What is told while a session starts, and how far it is then, in percent.
STEPS = {"step_requested": 5, "step_images": 15, "step_create": 35, "step_wait": 65}
SOON = 600  # seconds before its end from which a session is said to end soon


def over(base: type[Any], centre_files: CentreFiles) -> type[Any]:  # noqa: C901 - one class, many short methods
    """The spawner class of the hub: ``base`` with the launch page, the choice and the mounts.

    JupyterHub makes a new spawner object for each launch, so of what is set here only its state outlives a session.
    """

    for substrate in SUBSTRATES.values():
        base = substrate.over(base)

    class VreSpawner(base):  # type: ignore[misc]
        """Launches what the manifest offers."""

        vre_files = centre_files
        vre_languages: dict[str, str] = {}  # noqa: RUF012 - shared: the last language of each user's browser
        vre_asked: Mapping[str, Any] | None = None
        vre_environment: Mapping[str, str] = {}
        vre_step = "step_requested"
        vre_ending: Mapping[str, Any] = {}  # why the last session ended, until it is told

        # -- the launch page ------------------------------------------------------------------

        @default("options_form")
        def _vre_options_form(self) -> Any:
            return VreSpawner.vre_form

        @default("options_from_form")
        def _vre_options_from_form(self) -> Any:
            return self._vre_from_form

        @default("apply_user_options")
        def _vre_apply_user_options(self) -> Any:
            return VreSpawner._vre_check  # by REST this is the first look at them

        async def vre_form(self) -> str:
            """The options form. A hub with an ``options_form`` of its own can put this into it."""
            manifest = self.vre_files.manifest.current()
            asked = self.vre_asked if self.vre_asked is not None else self.orm_spawner.user_options
            again = self.vre_session(asked) if asked and asked.get("pin") else None
            return render(
                manifest,
                self._vre_groups(),
                self.vre_language(),
                asked or {},
                unusable=await self._vre_unusable(manifest),
                notice=self.vre_files.notice.current(),
                checks=self.vre_files.checks.current(),
                page=self._vre_page(),
                again=again["pinned_link"] if again else "",
            )

        async def _vre_unusable(self, manifest: Manifest | None) -> frozenset[str]:
            """Names of images on offer that could not be launched now, whoever chose them."""
            if manifest is None:
                return frozenset()
            pins = {name: image.offered for name, image in manifest.images.items() if image.offered}
            return frozenset(await SUBSTRATES[manifest.substrate].unusable(pins))

        def _vre_page(self) -> str:
            """The launch page's path; everybody who follows it starts a session of their own."""
            page: str = url_path_join(self.hub.base_url, "spawn")
            return page

        def vre_say(self, message: str, **values: str) -> str:
            """A message in the user's language, for ``templates/page``."""
            return say(message, self.vre_language(), **values)

        def vre_now(self) -> str:
            """What happens to a session that starts, for ``templates/page``."""
            return str(self.vre_where()["message"])

        def vre_where(self) -> dict[str, Any]:
            """How far the launch is: an event of JupyterHub's progress page."""
            if hasattr(base, "vre_where"):
                found: dict[str, Any] = super().vre_where()
                return found
            return {"progress": STEPS[self.vre_step], "message": self.vre_say(self.vre_step)}

        def vre_until(self) -> dict[str, Any] | None:
            """When a session that runs has to end, for ``templates/page``; None where nothing says so."""
            ends = self.vre_ends() if self.ready and hasattr(self, "vre_ends") else 0
            if not ends:
                return None
            left, at = max(ends - time.time(), 0), datetime.fromtimestamp(ends, UTC)
            return {
                "machine": machine(at),
                "soon": left < SOON,
                "text": self.vre_say("session_until", value=moment(at, self.vre_language()), left=lasting(left)),
                "pattern": self.vre_say("session_until", value="{value}", left="{left}"),
            }

        # -- what is still to be told of former sessions --------------------------------------

        def load_state(self, state: dict[str, Any]) -> None:
            """As the hub's own, the user's language, and why the last session ended."""
            super().load_state(state)
            if state.get("vre_language") in LANGUAGES:
                self.vre_languages.setdefault(self.user.name, state["vre_language"])
            ending = state.get("vre_ending", {})
            self.vre_ending = ending if ending.get("message") in MESSAGES else {}

        def get_state(self) -> dict[str, Any]:
            """As the hub's own, the user's language, and why the last session ended."""
            mine = {"vre_language": self.vre_languages.get(self.user.name), "vre_ending": self.vre_ending}
            return {**super().get_state(), **{name: value for name, value in mine.items() if value}}

        def vre_tell_next(self, message: str, **values: str) -> None:
            """Why the session ended, for the next page that its user sees; JupyterHub keeps it as it cleans up."""
            self.vre_ending = {"message": message, "values": values}

        def vre_notes(self, reader: str) -> list[str]:
            """What the user has to know of former sessions, for ``templates/page``; why one ended is told once.

            :param reader: name of who looks at the page: an administrator's look does not count.
            """
            notes: list[str] = self.vre_unstopped() if hasattr(self, "vre_unstopped") else []
            if self.vre_ending:
                why = self.vre_say(self.vre_ending["message"], **self.vre_ending["values"])
                notes.insert(0, f"{self.vre_say('last_ended')} {why}")
                if reader == self.user.name:
                    self.vre_ending = {}
                    self.orm_spawner.state = self.get_state()
                    self.user.db.commit()
            return notes

        def vre_drain(self) -> bool:
            """Whether no new session may start, for ``templates/page``."""
            notice = self.vre_files.notice.current()
            return notice is not None and notice.drain

        def vre_session(self, options: Any = None) -> dict[str, Any] | None:
            """What a choice launches, as ``GAIA_VRE_SESSION`` has it; None for what could not be launched.

            :param options: the choice, or None for the one that is being launched.
            """
            manifest = self.vre_files.manifest.current()
            if manifest is None:
                return None
            chooser = Chooser(manifest, self.user.name, self._vre_groups(), self.vre_language())
            try:
                choice = chooser.choose(self.user_options if options is None else options)
            except Refused:
                return None
            return record(manifest, choice, self.vre_language(), self._vre_page())

        def vre_language(self) -> str:
            """The language of the user's browser, as it last asked for something."""
            return self.vre_languages.get(self.user.name, "en")

        @observe("handler")
        def _vre_listen(self, change: Any) -> None:
            if change.new is not None:
                self.vre_languages[self.user.name] = language(change.new.request.headers.get("Accept-Language", ""))

        def _vre_from_form(self, data: dict[str, list[str]]) -> dict[str, Any]:
            return self._vre_checked(from_form(data))

        def options_from_query(self, query_data: dict[str, list[str]]) -> dict[str, Any]:
            """A link's choice, checked before anything starts."""
            return self._vre_checked(from_query(query_data))

        # -- the choice -----------------------------------------------------------------------

        def _vre_groups(self) -> set[str]:
            return {group.name for group in self.user.groups}

        def _vre_choose(self, options: Any) -> tuple[Manifest, Choice]:
            manifest = self.vre_files.manifest.current()
            if manifest is None:
                raise self._vre_refused("no_manifest")
            notice = self.vre_files.notice.current()
            if notice is not None and notice.drain and self.user.name != manifest.check.user:
                raise self._vre_refused("draining", value=text(notice.text, self.vre_language()))
            chooser = Chooser(manifest, self.user.name, self._vre_groups(), self.vre_language())
            try:
                return manifest, chooser.choose(options)
            except Refused as refused:
                metrics.refused(self.user.name, refused.message)
                raise RefusedError(refused.status, refused.sentence) from None

        def _vre_refused(self, message: str, status: int = 503, **values: str) -> RefusedError:
            """By default, nobody's choice can be launched now: 503."""
            metrics.refused(self.user.name, message)
            return RefusedError(status, self.vre_say(message, **values).strip())

        def _vre_checked(self, options: dict[str, Any]) -> dict[str, Any]:
            self.vre_asked = options  # a page that is shown again has the same ticks
            self._vre_choose(options)
            return options

        def _vre_check(self, options: Any) -> None:
            try:
                self._vre_choose(options)
            except RefusedError:
                self._vre_no_failure()
                raise

        # -- the launch -----------------------------------------------------------------------

        async def run_pre_spawn_hook(self) -> None:
            """The choice is checked, whatever way it came; then the admin's hook runs; then ours is laid on top."""
            self.vre_step, self.vre_ending = "step_images", {}
            try:
                manifest, choice = self._vre_choose(self.user_options)
                await self._vre_ready(manifest, choice)
            except RefusedError:
                self._vre_no_failure()
                raise
            self._vre_tell(choice, counts=self.user.name != manifest.check.user)

            done = super().run_pre_spawn_hook()
            if inspect.isawaitable(done):
                await done

            if choice.resources is not None and choice.resources.memory:
                self.mem_limit = choice.resources.memory
            if choice.resources is not None and choice.resources.cpu:
                self.cpu_limit = choice.resources.cpu
            SUBSTRATES[manifest.substrate].prepare(self, choice)
            self.vre_environment = environment(manifest, choice, self.vre_language(), self._vre_page())
            self.vre_step = "step_create"

        async def start(self) -> Any:
            """Start the session; from then on it is its server that is waited for."""
            try:
                started = super().start()
                if inspect.isawaitable(started):
                    started = await started
            except Exception as error:
                if hasattr(error, "jupyterhub_message"):  # somebody found words for it
                    raise
                self.log.exception("the session of %s did not start", self._log_name)
                raise FailedError(self.vre_say("failed_why")) from error
            self.vre_step = "step_wait"
            return started

        async def progress(self) -> AsyncIterator[dict[str, Any]]:
            """What happens, in the user's language; or what the hub's own spawner class tells, where it tells more."""
            if base.progress is not Spawner.progress and not hasattr(base, "vre_where"):
                async for event in super().progress():
                    yield event
                return
            shown = ""
            while True:  # JupyterHub ends it with the launch
                event = self.vre_where()
                if event["message"] != shown:
                    shown = event["message"]
                    yield event
                await asyncio.sleep(0.2)

        def _vre_tell(self, choice: Choice, *, counts: bool) -> None:
            """Metrics and log, when the launch is over; JupyterHub's future of it ends then."""
            future = getattr(self, "_spawn_future", None)
            if future is None:
                return
            started = time.monotonic()

            def ended(future: Any) -> None:
                error = CancelledError() if future.cancelled() else future.exception()
                metrics.launched(choice, self.user.name, time.monotonic() - started, error, counts=counts)

            future.add_done_callback(ended)

        async def _vre_ready(self, manifest: Manifest, choice: Choice) -> None:
            """Refuse what the substrate could not start."""
            substrate = SUBSTRATES[manifest.substrate]
            try:
                absent = await substrate.missing(self, choice)
            except Unready as error:
                self.log.error("cannot launch for %s: %s", self.user.name, error)
                raise self._vre_refused(error.message, error.status, **error.values) from error
            if absent:
                self.log.error("images of the manifest are not on this host: %s", ", ".join(absent))
                titles = (text(manifest.images[name].title, self.vre_language(), name) for name in absent)
                raise self._vre_refused("absent", value=", ".join(titles))

        def _vre_no_failure(self) -> None:
            """A refusal is no failure of the hub, which ends after ``consecutive_failure_limit`` of them.

            JupyterHub counts when the launch's future is done: any error before 6.0, a 5xx since.
            """
            self.consecutive_failure_limit = 0  # this object is not used for another launch
            future = getattr(self, "_spawn_future", None)
            if self.handler is None or future is None:
                return
            settings = self.handler.settings
            before = settings.get("failure_count", 0)
            future.add_done_callback(
                lambda _done: settings.update(failure_count=min(before, settings.get("failure_count", 0)))
            )

        def get_env(self) -> dict[str, str]:
            """What the hub's own configuration gives, and the session's record."""
            found: dict[str, str] = {**super().get_env()}
            own = found.get(ENVS_PATH)
            found |= self.vre_environment
            if own and found[ENVS_PATH] != own:
                found[ENVS_PATH] = ":".join(filter(None, (found[ENVS_PATH], own)))
            return found

    VreSpawner.__name__ = f"Vre{base.__name__}"
    VreSpawner.__qualname__ = VreSpawner.__name__
    return VreSpawner


def record(manifest: Manifest, choice: Choice, lang: str, page: str) -> dict[str, Any]:
    """What a session is made of, and the links that make it again.

    :param page: the launch page's path.
    """
    return {
        "centre": manifest.centre.name,
        "composition": choice.composition,
        "images": {
            name: {
                "title": text(manifest.images[name].title, lang, name),
                "reference": pin.reference,
                "digest": pin.digest,
                "version": pin.version,
            }
            for name, pin in choice.images.items()
        },
        "link": link(page, choice),
        "pinned_link": link(page, choice, pinned=True),
    }


def environment(manifest: Manifest, choice: Choice, lang: str, page: str) -> dict[str, str]:
    """The variables by which a session finds its environments and knows itself."""
    return {
        ENVS_PATH: ":".join(pin.envs_dir for pin in choice.business if pin.envs_dir),
        "CONDA_REGISTER_ENVS": "false",
        "GAIA_VRE_SESSION": json.dumps(record(manifest, choice, lang, page), sort_keys=True),
    }
