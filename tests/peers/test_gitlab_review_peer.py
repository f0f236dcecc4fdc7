"""python-gitlab reviews a merge request on our emulator: what a client that nobody here wrote cannot do is wrong."""

import json

import pytest

from tests.peers.test_independent_clients import HERE, client_python, run
from tests.test_forge_emulators.stage import ROCKET, staged

pytestmark = pytest.mark.timeout(300)  # the first run installs the clients


@pytest.mark.parametrize("base_path", ["", "/gitlab"])
async def test_python_gitlab_reviews_a_merge_request(base_path: str) -> None:
    async with staged("gitlab", base_path) as stage:
        stage.forge.add_files(ROCKET, {"fuel.py": b"a = 1\nb = 2\nc = 3\n"})
        await stage.forge.open_pull_request(ROCKET, "bob", "Fuel", files={"fuel.py": b"a = 1\nb = 3\nc = 3\n"})
        await stage.forge.push_to_pull_request(ROCKET, "bob", 1, files={"fuel.py": b"a = 1\nb = 4\nc = 3\n"})
        script = str(HERE / "python_gitlab_reviews.py")
        seen = json.loads(await run(await client_python(), script, stage.forge.url))
    status, message = seen["talk"].pop("refused")
    assert (status, "must be a valid line code" in message) == (400, True)
    assert seen == {
        "talk": {
            "threads": [[["Why?", "DiffNote", True], ["Because.", "DiffNote", True]]],
            "position": {"new_path": "fuel.py", "new_line": 2, "old_line": None},
            "resolved by": "ann", "others": ["In all: good."],
        },
        "statuses": [["review", "failed", "1 problem"]], "file": "a = 1\nb = 4\nc = 3\n", "base": True,
        "versions": 2, "version": ["fuel.py"],
    }  # fmt: skip
