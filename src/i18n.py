"""Texts in the reader's language: gettext with the language passed in, read from the `.po` files themselves."""

from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

DOMAIN = "git_assistant"
DEFAULT = "en"  # the language of the sources: it has no catalogue and is what untranslated texts fall back to
_LOCALES = Path(__file__).with_name("locales")
# Regions of Chinese stand for a script, which is what its catalogues are named by.
_SCRIPTS = {
    "zh": "zh_hans",
    "zh_cn": "zh_hans",
    "zh_sg": "zh_hans",
    "zh_my": "zh_hans",
    "zh_tw": "zh_hant",
    "zh_hk": "zh_hant",
    "zh_mo": "zh_hant",
}


@dataclass(frozen=True, slots=True)
class Translator:
    """The texts of one language. Call it with a msgid: ``t("Cancel")``.

    Name it ``t`` wherever it goes, and never use it in an f-string: that is how pybabel finds the texts.
    Values go into named placeholders, and only after translation: ``t("Hook {name} is gone").format(name=...)``.
    """

    language: str
    _catalogue: NullTranslations

    def __call__(self, message: str) -> str:
        """The translation of `message`, or `message` itself where there is none."""
        # gettext keeps the catalogue's header under the empty msgid, which is never what is asked for.
        return self._catalogue.gettext(message) if message else ""

    def n(self, singular: str, plural: str, number: int) -> str:
        """The plural form that goes with `number`; the number itself is still a placeholder in it."""
        return self._catalogue.ngettext(singular, plural, number)

    def p(self, context: str, message: str) -> str:
        """The translation of `message` where it means what `context` says."""
        return self._catalogue.pgettext(context, message)


def N_(message: str) -> str:  # noqa: N802 - the name by which gettext's tools know it
    """Mark a constant for extraction and leave it as it is; translate it where it is shown: ``t(LABELS[x])``."""
    return message


@cache
def languages() -> tuple[str, ...]:
    """The languages that there are texts in, English first, the others by code."""
    return (DEFAULT, *sorted(found.parent.parent.name for found in _LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")))


@cache
def translator(language: str) -> Translator:
    """The texts of a language of `languages()`; those of any other code are English.

    A catalogue is read once, on first use (some 10 ms), so that no compiled file has to be built or kept in step.
    """
    if language not in languages() or language == DEFAULT:
        return Translator(DEFAULT, NullTranslations())
    with (_LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        catalogue = read_po(source, locale=language, domain=DOMAIN, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translator(language, GNUTranslations(compiled))


def choose(code: str | None, supported: tuple[str, ...] | None = None) -> str:
    """The best of our languages for a code as Telegram gives it ("ru", "ru-RU", "zh-hans", `None`), else English.

    Never raises: the code is whatever somebody's client sends.
    """
    known = {language.lower(): language for language in supported or languages()}
    wanted = (code or "").strip().lower().replace("-", "_")
    language = wanted.split("_", 1)[0]
    for candidate in (wanted, _SCRIPTS.get(wanted), "_".join(wanted.split("_")[:2]), language, _SCRIPTS.get(language)):
        if candidate and candidate in known:
            return known[candidate]
    return DEFAULT


def native_name(language: str) -> str:
    """What its speakers call a language of `languages()`: "English", "Русский"."""
    name = Locale.parse(language).get_display_name(language) or language
    return name[:1].upper() + name[1:]
