"""What is told to a user instead of a launch."""

from __future__ import annotations

from typing import Any

import jupyterhub.spawner
from tornado import web

# Since JupyterHub 6 a refusal by rule is told from a failure, which counts for consecutive_failure_limit.
_BASE: Any = getattr(jupyterhub.spawner, "SpawnException", web.HTTPError)


class Refused(Exception):
    """A choice that is not launched: an HTTP status, the name of the message, and the sentence that it makes."""

    def __init__(self, status: int, message: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.message, self.sentence = status, message, sentence


class Unready(Exception):
    """The substrate cannot launch this user's choice: the name of a message, and what is put into it.

    :ivar status: of HTTP; 503 when nobody's choice can be launched now.
    """

    def __init__(self, message: str, status: int = 503, **values: str) -> None:
        super().__init__(message)
        self.message, self.status, self.values = message, status, values


class RefusedError(_BASE):  # type: ignore[misc]
    """A refusal as JupyterHub shows it: on the launch page, on an error page, as ``message`` by REST."""

    def __init__(self, status: int, sentence: str) -> None:
        if _BASE is web.HTTPError:
            super().__init__(status, sentence)
        else:
            super().__init__(sentence, reason="refused", status_code=status)
        self.jupyterhub_message = sentence

    def __str__(self) -> str:
        """What JupyterHub before 6.0 shows on the launch page."""
        return self.jupyterhub_message


class FailedError(web.HTTPError):
    """A launch that failed, told in words; JupyterHub counts it as a failure of the hub."""

    def __init__(self, sentence: str) -> None:
        super().__init__(500, "%s", sentence)
        self.jupyterhub_message = sentence

    def __str__(self) -> str:
        return self.jupyterhub_message
