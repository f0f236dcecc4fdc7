"""Every text of the sources is in every catalogue, whole; the reader's language is found whatever a client sends."""

import ast
import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from src.i18n import DEFAULT, DOMAIN, N_, choose, languages, native_name, translator

ROOT = Path(__file__).parents[1]
TRANSLATED = [language for language in languages() if language != DEFAULT]


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What the command in babel.cfg finds in the sources now."""
    target = tmp_path_factory.mktemp("extracted") / "texts.pot"
    words = next(
        shlex.split(line.removeprefix("# "))
        for line in (ROOT / "babel.cfg").read_text().splitlines()
        if line.startswith("# pybabel extract ")
    )
    words[words.index("-F") + 1] = str(ROOT / "babel.cfg")
    words[words.index("-o") + 1] = str(target)
    words[words.index("src")] = str(ROOT / "src")
    CommandLineInterface().run([words[0], "-q", *words[1:]])  # type: ignore[no-untyped-call]  # Babel's, not annotated
    with target.open("rb") as source:
        return read_po(source)


def catalogue(language: str) -> Catalog:
    with (ROOT / "src" / "locales" / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        return read_po(source, locale=language, domain=DOMAIN, abort_invalid=True)


def texts(catalog: Catalog) -> dict[tuple[str | None, str], Message]:
    return {(message.context, forms(message.id)[0]): message for message in catalog if message.id}


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def test_extraction_finds_texts_of_every_form(extracted: Catalog) -> None:
    found = texts(extracted)
    assert len(found) > 100
    assert ("doer", "Someone") in found, "t.p"
    assert forms(found[None, "{n} page"].id) == ("{n} page", "{n} pages"), "t.n"
    assert (None, "Pipeline failed") in found, "N_"
    assert (None, "confidential") in found, "t"
    assert (None, "Skip to the content") in found, "a template"
    assert (None, "Guide") in found, "a template of the playground"
    assert not any("/demo/script/" in place for message in found.values() for place, _ in message.locations)


@pytest.mark.parametrize("language", TRANSLATED)
def test_catalogue_has_every_text_of_the_sources_and_no_other(language: str, extracted: Catalog) -> None:
    catalog = catalogue(language)
    assert texts(catalog).keys() == texts(extracted).keys()
    assert not catalog.obsolete
    assert [message.id for message in catalog if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_translation_is_there_in_all_its_forms_with_the_same_placeholders(
    language: str, extracted: Catalog
) -> None:
    catalog = catalogue(language)
    translations = texts(catalog)
    for key, source in texts(extracted).items():
        translated = forms(translations[key].string)
        assert len(translated) == (catalog.num_plurals if source.pluralizable else 1), key
        wanted = placeholders(forms(source.id)[-1])
        for text in translated:
            assert text, key
            assert placeholders(text) == wanted, (key, text)
            assert (text[:1].isspace(), text[-1:].isspace()) == (key[1][:1].isspace(), key[1][-1:].isspace()), key


def test_russian_quotes_are_chevrons() -> None:
    for message in texts(catalogue("ru")).values():
        for text in forms(message.string):
            assert not set(text) & set('"„“”'), text


def translated_arguments() -> Iterator[tuple[str, ast.expr]]:
    """Where it stands, and the first text given to ``t``, ``t.n`` or ``N_``, the second of ``t.p``."""
    for path in (ROOT / "src").rglob("*.py"):
        if "demo" in path.parts and "playground" not in path.parts:  # prints for developers, in English
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                function: ast.expr = node.func
                method = ""
                if isinstance(function, ast.Attribute) and function.attr in ("n", "p"):
                    method, function = function.attr, function.value
                if isinstance(function, ast.Name) and function.id in ("t", "N_"):
                    yield f"{path.name}:{node.lineno}", node.args[1 if method == "p" else 0]


def test_no_text_is_put_together_before_it_is_translated_or_escapes_extraction(extracted: Catalog) -> None:
    known = {text for _, text in texts(extracted)}
    found = list(translated_arguments())
    assert len(found) > 100
    for place, text in found:
        assert not isinstance(text, ast.JoinedStr | ast.BinOp | ast.Call), place
        if isinstance(text, ast.Constant):
            # Within an f-string, for one, pybabel sees nothing.
            assert text.value in known, place


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "{n} страниц"),
        (1, "{n} страница"),
        (2, "{n} страницы"),
        (5, "{n} страниц"),
        (11, "{n} страниц"),
        (21, "{n} страница"),
        (22, "{n} страницы"),
        (112, "{n} страниц"),
    ],
)
def test_russian_plurals(number: int, text: str) -> None:
    assert translator("ru").n("{n} page", "{n} pages", number) == text


def test_english_needs_no_catalogue() -> None:
    t = translator("en")
    assert (t("Approved"), t.p("doer", "Someone")) == ("Approved", "Someone")
    assert (t.n("{n} page", "{n} pages", 1), t.n("{n} page", "{n} pages", 2)) == ("{n} page", "{n} pages")


def test_russian_texts() -> None:
    t = translator("ru")
    assert (t.language, t("Approved"), t.p("doer", "Someone")) == ("ru", "Одобрено", "Кто-то")


def test_what_is_not_translated_is_english() -> None:
    assert translator("ru")("Nobody translated this") == "Nobody translated this"
    assert translator("ru").p("nowhere", "Someone") == "Someone"
    assert translator("tlh").language == "en"
    assert translator("../../etc")("Approved") == "Approved"


def test_empty_text_is_not_the_catalogues_header() -> None:
    assert translator("ru")("") == ""


def test_marked_constant_is_left_as_it_is() -> None:
    assert N_("Approved") == "Approved"


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("ru", "ru"),
        ("RU", "ru"),
        ("ru-RU", "ru"),
        ("ru_RU", "ru"),
        ("ru-Cyrl-RU", "ru"),
        ("en", "en"),
        ("en-GB", "en"),
        ("uk", "en"),
        ("zh-hans", "en"),
        ("rus", "en"),
        ("", "en"),
        (" ", "en"),
        ("-", "en"),
        ("../ru", "en"),
        (None, "en"),
    ],
)
def test_language_of_a_client(code: str | None, language: str) -> None:
    assert choose(code) == language


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("zh", "zh_Hans"),
        ("zh-hans", "zh_Hans"),
        ("zh-Hans-SG", "zh_Hans"),
        ("zh-CN", "zh_Hans"),
        ("zh-hant", "zh_Hant"),
        ("zh-TW", "zh_Hant"),
        ("zh-hk", "zh_Hant"),
        ("pt-br", "pt_BR"),
        ("pt-pt", "pt"),
    ],
)
def test_scripts_and_regions_where_there_are_catalogues_for_them(code: str, language: str) -> None:
    assert choose(code, ("en", "zh_Hans", "zh_Hant", "pt", "pt_BR")) == language


def test_languages_call_themselves_by_their_own_names() -> None:
    assert languages()[0] == "en"
    assert {language: native_name(language) for language in languages()} == {"en": "English", "ru": "Русский"}
