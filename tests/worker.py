"""A worker of the inbox on any database: nothing that it works off here needs a forge."""

from cryptography.fernet import Fernet

from src.database.credentials import Credentials
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import utc_now
from src.forges import FORGE_TYPES
from src.webhook.enrich import Enricher
from src.webhook.metrics import Metrics
from src.webhook.pipeline import Checkpoint, Pipeline
from tests.crowd import LEASE
from tests.fake_forge import FakeForge


async def nothing(_: str) -> None:
    return


def worker(database: Database, owner: str, *, checkpoint: Checkpoint = nothing) -> Pipeline:
    credentials = Credentials(
        FORGE_TYPES, dict.fromkeys(FORGE_TYPES, FakeForge()), SecretBox([Fernet.generate_key().decode()])
    )
    return Pipeline(
        database,
        Enricher(database, credentials, clock=utc_now),
        FORGE_TYPES,
        Metrics(),
        owner=owner,
        lease=LEASE,
        queued=lambda: None,
        clock=utc_now,
        checkpoint=checkpoint,
    )
