"""How the Bot API says no: a code, Telegram's own words, and what the client may do about it."""


class Refusal(Exception):
    """An error answer of the Bot API (core.telegram.org/bots/api#making-requests).

    Attributes:
        code: HTTP status, also `error_code` of the body.
        description: the sentence, with its prefix ("Bad Request: ...").
        parameters: `ResponseParameters`: `retry_after` in seconds or `migrate_to_chat_id`.
    """

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, object]:
        """The answer's JSON."""
        body: dict[str, object] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = dict(self.parameters)
        return body


def bad_request(sentence: str, **parameters: int) -> Refusal:
    """400, with the first letter lowered as the Bot API server does, unless it is a CONSTANT_LIKE_THIS."""
    if len(sentence) > 1 and not (sentence[1] == "_" or sentence[1].isupper()):
        sentence = sentence[0].lower() + sentence[1:]
    return Refusal(400, f"Bad Request: {sentence}", **parameters)


def forbidden(sentence: str) -> Refusal:
    """403: the chat is closed to the bot."""
    return Refusal(403, f"Forbidden: {sentence}")


def conflict(sentence: str) -> Refusal:
    """409: two ways of receiving updates at once."""
    return Refusal(409, f"Conflict: {sentence}")


def too_many_requests(retry_after: int) -> Refusal:
    """429, with the seconds to wait."""
    return Refusal(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
