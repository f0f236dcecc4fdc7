"""From the bytes of a delivery to a JSON object, whichever of GitHub's two content types it came in."""

from typing import Any
from urllib.parse import parse_qs

import orjson

from src.forge import Unparsable

FORM = "application/x-www-form-urlencoded"


def decode(content_type: str, body: bytes) -> dict[str, Any]:
    """The payload of a delivery. Raises `Unparsable`, which says what is wrong and shows nothing of the body.

    GitHub sends JSON as it is, or in the field ``payload`` of a form ("Creating webhooks", content type).
    """
    is_form = content_type.partition(";")[0].strip().lower() == FORM
    try:
        document = orjson.loads(_payload_field(body) if is_form else body)
    except orjson.JSONDecodeError as error:
        # orjson's own message may quote the text; invalid UTF-8, NaN and too deep nesting all end here.
        raise Unparsable(f"not JSON, at character {error.pos}") from None
    if not isinstance(document, dict):
        raise Unparsable("not a JSON object")
    return document


def _payload_field(body: bytes) -> str:
    try:
        # Only percent-encoding carries other characters, so the form itself is ASCII.
        fields = parse_qs(body.decode("ascii"), errors="strict", max_num_fields=16)
    except ValueError:
        raise Unparsable("not a form") from None
    try:
        return fields["payload"][0]
    except KeyError:
        raise Unparsable("the form has no field payload") from None
