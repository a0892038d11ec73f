"""Jobs that could not be cancelled are tried until they are, within bounds."""

from __future__ import annotations

import asyncio

from gaia_vre_hub.unstopped import Unstopped


def test_a_job_is_tried_until_it_is_cancelled() -> None:
    answers, over = [True, False, False], []

    async def attempt() -> bool:
        return answers.pop()

    async def tried() -> None:
        unstopped = Unstopped(again=0.01)
        for _twice in range(2):
            unstopped.keep("alice", "12", attempt, lambda: over.append("12"))
        assert list(unstopped.of("alice")) == ["12"]
        assert unstopped.of("bob") == {}
        while unstopped.of("alice"):
            await asyncio.sleep(0.01)

    asyncio.run(tried())
    assert (answers, over) == ([], ["12"]), "by one task, whoever asks again"


def test_nobody_tries_for_ever() -> None:
    async def attempt() -> bool:
        return False

    async def tried() -> None:
        unstopped = Unstopped(again=0.01, longest=0.05)
        unstopped.keep("alice", "12", attempt, lambda: None)
        while unstopped.of("alice"):
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(tried(), 5))
