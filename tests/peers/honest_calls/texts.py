"""Texts and their formatting."""

from tests.peers.honest_calls.named import Named

_LENGTH = "sendMessage, text: 1-4096 characters after entities parsing"
_PARSER = "the words of TDLib's parser, which the Bot API server passes on"


def _sent(
    name: str, telegram: str, rule: str, theirs: str | None = None, *, text: str | None = "Hello", **form: str
) -> Named:
    words = {} if text is None else {"text": text}
    form = {"chat_id": "<ann>", **words, **form}
    return Named(name=name, method="sendMessage", form=form, telegram=telegram, rule=rule, theirs=theirs)


def _entities(entities: str) -> dict[str, str]:
    return {"entities": entities}


TEXTS = (
    _sent("a plain text", 'message "Hello"', "sendMessage: the sent Message is returned"),
    _sent(
        "no text at all", "refused 400: Bad Request: message text is empty", _LENGTH, "message without text", text=None
    ),
    _sent("an empty text", "refused 400: Bad Request: message text is empty", _LENGTH, 'message ""', text=""),
    _sent(
        "nothing but white space",
        "refused 400: Bad Request: text must be non-empty",
        f"{_LENGTH}; white space at both ends does not count",
        'message " \\n "',
        text=" \n ",
    ),
    _sent("4,096 characters", "message of 4096 characters", _LENGTH, text="x" * 4096),
    _sent(
        "4,097 characters",
        "refused 400: Bad Request: message is too long",
        _LENGTH,
        "message of 4097 characters",
        text="x" * 4097,
    ),
    _sent(
        "4,096 emoji",
        "message of 4096 characters",
        f"{_LENGTH}; code points, says TDLib (utf8_length): only offsets count in UTF-16",
        text="😀" * 4096,
    ),
    _sent(
        "4,097 emoji",
        "refused 400: Bad Request: message is too long",
        f"{_LENGTH}; code points, says TDLib (utf8_length): only offsets count in UTF-16",
        "message of 4097 characters",
        text="😀" * 4097,
    ),
    _sent(
        "4,096 characters between tags",
        "message of 4096 characters bold 0+4096",
        _LENGTH,
        "message of 4103 characters",
        text=f"<b>{'x' * 4096}</b>",
        parse_mode="HTML",
    ),
    _sent(
        "nested HTML",
        'message "build failed" bold 0+12 italic 6+6',
        "HTML style: tags may stand in one another",
        'message "<b>build <i>failed</i></b>"',
        text="<b>build <i>failed</i></b>",
        parse_mode="html",
    ),
    _sent(
        "HTML references",
        'message "a < b & c"',
        "HTML style: < > & are written as references, which are decoded",
        'message "a &lt; b &amp; c"',
        text="a &lt; b &amp; c",
        parse_mode="HTML",
    ),
    _sent(
        "a tag that is none of Telegram's",
        'refused 400: Bad Request: can\'t parse entities: Unsupported start tag "div" at byte offset 0',
        f"HTML style: only the tags that are listed are supported; {_PARSER}",
        'message "<div>x</div>"',
        text="<div>x</div>",
        parse_mode="HTML",
    ),
    _sent(
        "a tag that is never closed",
        "refused 400: Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        f"HTML style: every tag has its end; {_PARSER}",
        'message "<b>x"',
        text="<b>x",
        parse_mode="HTML",
    ),
    _sent(
        "tags that cross",
        "refused 400: Bad Request: can't parse entities: Unmatched end tag at byte offset 7, "
        'expected "</i>", found "</b>"',
        f"Formatting options: entities nest, they do not cross; {_PARSER}",
        'message "<b><i>x</b></i>"',
        text="<b><i>x</b></i>",
        parse_mode="HTML",
    ),
    _sent(
        "a parse mode that does not exist",
        "refused 400: Bad Request: unsupported parse_mode",
        "sendMessage, parse_mode: one of the formatting options",
        'message "Hello"',
        parse_mode="reST",
    ),
    _sent(
        "an entity",
        'message "Hello" bold 0+5',
        "sendMessage, entities: a JSON list of MessageEntity",
        **_entities('[{"type": "bold", "offset": 0, "length": 5}]'),
    ),
    _sent(
        "entities in UTF-16 units",
        'message "😀 Hello" bold 3+5',
        "MessageEntity, offset: in UTF-16 code units",
        text="😀 Hello",
        **_entities('[{"type": "bold", "offset": 3, "length": 5}]'),
    ),
    _sent(
        "an entity of an unknown type",
        "refused 400: Bad Request: can't parse MessageEntity: Unsupported type specified",
        "MessageEntity, type: one of the names that are listed",
        'message "Hello" loud 0+5',
        **_entities('[{"type": "loud", "offset": 0, "length": 5}]'),
    ),
    _sent(
        "an entity that ends behind the text",
        "refused 400: Bad Request: entity beginning at UTF-16 offset 0 ends after the end of the text at "
        "UTF-16 offset 6",
        f"MessageEntity, length: of the entity, which is a part of the text; {_PARSER}",
        'message "Hello" bold 0+6',
        **_entities('[{"type": "bold", "offset": 0, "length": 6}]'),
    ),
    _sent(
        "an entity that begins behind the text",
        "refused 400: Bad Request: entity begins after the end of the text at UTF-16 offset 9",
        f"MessageEntity, offset: to the start of the entity, which is a part of the text; {_PARSER}",
        'message "Hello" bold 9+1',
        **_entities('[{"type": "bold", "offset": 9, "length": 1}]'),
    ),
    _sent(
        "entities that are no JSON",
        "refused 400: Bad Request: can't parse entities JSON object",
        "sendMessage, entities: a JSON-serialized list",
        "broken 500: Something went wrong",
        **_entities("bold"),
    ),
    _sent(
        "a text without a sound",
        'message "Hello"',
        "sendMessage, disable_notification: the Message does not tell of it",
        disable_notification="true",
    ),
)
