"""Telegram's parse mode HTML, as strict as its own parser. Pure."""

import re
from dataclasses import dataclass, field

from src.demo.telegram.entities import Entity, in_order, units
from src.demo.telegram.errors import bad_request
from src.demo.telegram.links import WrongLink, checked_link, link_user_id

# core.telegram.org/bots/api#html-style: "Only the tags mentioned above are currently supported."
_PLAIN_TAGS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("tg-spoiler", "span"), "spoiler"),
}
_TAGS = {*_PLAIN_TAGS, "a", "code", "pre", "blockquote", "tg-emoji", "tg-time"}
# "The API currently supports only the following named HTML entities": lt, gt, amp, quot; all numeric ones.
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot)(?![a-zA-Z]));?")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_TAG = re.compile(r"[^\s>]*")
_NAME = re.compile(r"[^\s=>/\"']*")
_TOKEN = re.compile(r"[a-zA-Z0-9.-]*")


@dataclass(slots=True)
class _Open:
    tag: str
    attributes: dict[str, str]
    offset: int
    start: int  # index into the text so far


@dataclass(slots=True)
class _Parser:
    source: str
    position: int = 0
    text: str = ""
    size: int = 0
    stack: list[_Open] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def run(self) -> None:
        while self.position < len(self.source):
            char = self.source[self.position]
            if char != "<":
                self._char(char)
            elif self.source.startswith("</", self.position):
                self._end_tag()
            else:
                self._start_tag()
        if self.stack:
            raise _error(f'Can\'t find end tag corresponding to start tag "{self.stack[-1].tag}"')

    def _char(self, char: str) -> None:
        decoded, self.position = _decoded(self.source, self.position) if char == "&" else (char, self.position + 1)
        self.text += decoded
        self.size += units(decoded)

    def _byte(self, position: int) -> int:
        return len(self.source[:position].encode("utf-8", "surrogatepass"))

    def _start_tag(self) -> None:
        begin = self.position
        tag = self._take(_TAG, begin + 1).lower()
        if self.position >= len(self.source):
            raise _error(f"Unclosed start tag at byte offset {self._byte(begin)}")
        if tag not in _TAGS:
            raise _error(f'Unsupported start tag "{tag}" at byte offset {self._byte(begin)}')
        attributes = self._attributes(tag, begin)
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise _error(f'Tag "span" must have class "tg-spoiler" at byte offset {self._byte(begin)}')
        self.stack.append(_Open(tag, attributes, self.size, len(self.text)))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        unclosed = _error(f'Unclosed start tag "{tag}" at byte offset {self._byte(begin)}')
        while True:
            self._skip_space()
            if self._at(">"):
                self.position += 1
                return found
            name = self._take(_NAME, self.position)
            if self.position >= len(self.source):
                raise unclosed
            if not name:
                raise _error(f'Empty attribute name in the tag "{tag}" at byte offset {self._byte(begin)}')
            self._skip_space()
            if not self._at("="):
                found[name] = ""
                continue
            self.position += 1
            self._skip_space()
            if self.position >= len(self.source):
                raise unclosed
            found[name] = self._value(begin)

    def _value(self, begin: int) -> str:
        quote = self.source[self.position]
        if quote not in "\"'":
            return self._token()
        self.position += 1
        value = ""
        while self.position < len(self.source) and not self._at(quote):
            if self._at("&"):
                decoded, self.position = _decoded(self.source, self.position)
            else:
                decoded, self.position = self.source[self.position], self.position + 1
            value += decoded
        self.position += 1
        if self.position >= len(self.source):
            raise _error(f"Unclosed start tag at byte offset {self._byte(begin)}")
        return value

    def _token(self) -> str:
        begin = self.position
        token = self._take(_TOKEN, begin)
        if not (self._at(">") or self._at(" ") or self._at("\n") or self._at("\t")):
            raise _error(f"Unexpected end of name token at byte offset {self._byte(begin)}")
        return token.lower()

    def _end_tag(self) -> None:
        begin = self.position
        if not self.stack:
            raise _error(f"Unexpected end tag at byte offset {self._byte(begin)}")
        name = self._take(_TAG, begin + 2).lower()
        self._skip_space()
        if not self._at(">"):
            raise _error(f"Unclosed end tag at byte offset {self._byte(begin)}")
        self.position += 1
        opened = self.stack[-1]
        if name and name != opened.tag:
            raise _error(
                f'Unmatched end tag at byte offset {self._byte(begin)}, expected "</{opened.tag}>", found "</{name}>"'
            )
        self.stack.pop()
        if self.size > opened.offset:
            self._close(opened)

    def _close(self, opened: _Open) -> None:
        entity = Entity("", opened.offset, self.size - opened.offset)
        made = self._entity(opened, entity)
        if made is not None:
            self.entities.append(made)

    def _entity(self, opened: _Open, at: Entity) -> Entity | None:
        tag, attributes = opened.tag, opened.attributes
        offset, length = at.offset, at.length
        if tag in _PLAIN_TAGS:
            return Entity(_PLAIN_TAGS[tag], offset, length)
        if tag == "blockquote":
            return Entity("expandable_blockquote" if "expandable" in attributes else "blockquote", offset, length)
        if tag == "a":
            return self._link(attributes.get("href") or self.text[opened.start :], at)
        if tag in ("code", "pre"):
            return self._code(opened, at)
        if tag == "tg-time":
            return self._time(attributes, at)
        emoji = attributes.get("emoji-id", "")
        if not emoji.isdigit() or int(emoji) == 0:
            raise _error("Invalid custom emoji identifier specified")
        return Entity("custom_emoji", offset, length, custom_emoji_id=emoji)

    def _link(self, link: str, at: Entity) -> Entity | None:
        user_id = link_user_id(link)
        if user_id is not None:
            return Entity("text_mention", at.offset, at.length, user_id=user_id)
        try:
            return Entity("text_link", at.offset, at.length, url=checked_link(link))
        except WrongLink as error:
            # In HTML a wrong address is no error: the words stay and the link is lost.
            self.dropped.append(f"text_link: {error}")
            return None

    def _code(self, opened: _Open, at: Entity) -> Entity:
        """`<pre><code class="language-x">` is one entity of type pre, whichever stands inside."""
        inner = self.entities[-1] if self.entities else None
        spans = inner is not None and (inner.offset, inner.length) == (at.offset, at.length)
        language = opened.attributes.get("class", "")
        own = language.removeprefix("language-") if language.startswith("language-") else None
        if opened.tag == "pre":
            if inner is not None and spans and inner.type == "code" and inner.language:
                self.entities.pop()
                return Entity("pre", at.offset, at.length, language=inner.language)
            return Entity("pre", at.offset, at.length)
        if inner is not None and spans and inner.type == "pre" and own:
            self.entities.pop()
            return Entity("pre", at.offset, at.length, language=own)
        return Entity("code", at.offset, at.length, language=own)

    def _time(self, attributes: dict[str, str], at: Entity) -> Entity:
        moment = attributes.get("unix", "")
        if not moment.isdigit():
            raise _error("Invalid date-time specified")
        style = attributes.get("format")
        return Entity("date_time", at.offset, at.length, unix_time=int(moment), date_time_format=style)

    def _take(self, pattern: re.Pattern[str], start: int) -> str:
        """What the pattern, which may be empty, finds here."""
        match = pattern.match(self.source, start)
        found = match.group() if match else ""
        self.position = start + len(found)
        return found

    def _skip_space(self) -> None:
        while self.position < len(self.source) and self.source[self.position].isspace():
            self.position += 1

    def _at(self, char: str) -> bool:
        return self.source.startswith(char, self.position)


def _error(sentence: str) -> Exception:
    return bad_request(f"can't parse entities: {sentence}")


def _decoded(source: str, position: int) -> tuple[str, int]:
    match = _REFERENCE.match(source, position)
    if match is None:
        return "&", position + 1
    if match.group(3):
        return _NAMED[match.group(3)], match.end()
    code = int(match.group(1), 16) if match.group(1) else int(match.group(2))
    if code == 0 or code >= 0x10FFFF:
        return "&", position + 1
    return chr(code), match.end()


def parse_html(source: str) -> tuple[str, tuple[Entity, ...], tuple[str, ...]]:
    """Text, entities and what was silently left out; raises Refusal in the words of Telegram's parser."""
    parser = _Parser(source)
    parser.run()
    plain = [e if e.type != "code" else Entity("code", e.offset, e.length) for e in parser.entities]
    return parser.text, tuple(in_order(plain)), tuple(parser.dropped)
