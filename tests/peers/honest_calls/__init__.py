"""Bot API calls by name, with Telegram's answer to each and where it is known from."""

from tests.peers.honest_calls.changes import CHANGES
from tests.peers.honest_calls.keyboards import KEYBOARDS
from tests.peers.honest_calls.named import Named
from tests.peers.honest_calls.places import PLACES
from tests.peers.honest_calls.service import SERVICE
from tests.peers.honest_calls.texts import TEXTS

CALLS: tuple[Named, ...] = (*TEXTS, *KEYBOARDS, *CHANGES, *PLACES, *SERVICE)
