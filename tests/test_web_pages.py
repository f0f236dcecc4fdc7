"""The pages' look: components, templates and files, seen without a browser."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from src.web.pages import Pages, StylesheetMissing, preferred

SRC = Path(__file__).parents[1] / "src"
PLAYGROUND = SRC / "demo" / "playground"
TEMPLATES = sorted([*(SRC / "web" / "templates").rglob("*.html"), *(PLAYGROUND / "templates").rglob("*.html")])
MODULES = sorted([*(SRC / "web" / "static").rglob("*.js"), *(PLAYGROUND / "static").rglob("*.js")])
STYLES = sorted((SRC / "web" / "styles").rglob("*.css"))
EVIL = "<img src=x onerror=alert(1)>\"'&"

VARIANTS = {
    "button": ("default", "secondary", "outline", "ghost", "destructive", "link"),
    "badge": ("default", "secondary", "outline", "success", "warning", "destructive"),
}
# Each component with the text of somebody else wherever it takes one.
CALLS = [
    *[f'ui.button(evil, variant="{v}", size="{s}")' for v in VARIANTS["button"] for s in ("sm", "md", "lg", "icon")],
    *[f'ui.badge(evil, variant="{variant}", title=evil)' for variant in VARIANTS["badge"]],
    "ui.card(evil, evil, id=evil)",
    "ui.card()",
    "ui.table(evil, [evil])",
    'ui.tabs(evil, [("one", evil), ("two", evil, evil)], current="two", pinned=["one"])',
    'ui.tab_panel("one", current=true, pinned=true, fill=true)',
    'ui.dialog("ask", evil)',
    "ui.toast_region()",
    "ui.question_dialogs()",
    'ui.input("name", evil, hint=evil, value=evil, placeholder=evil)',
    'ui.select("kind", evil, [(evil, evil)], value=evil, hide_label=true)',
    'ui.switch("on", evil, checked=true)',
    *[f'ui.bubble(kind="{kind}", sender=evil, hue=3, html=evil, time=evil)' for kind in ("own", "other", "bot")],
    'ui.bubble(kind="service", html=evil)',
    'ui.bubble(reply={"sender": evil, "text": evil}, reactions=[evil], keyboard=[[(evil, {"kind": "url"})]])',
    "ui.bubble(edited=true, silent=true, pinned=true)",
    "ui.keyboard_button(evil, kind=evil)",
    "ui.quote_toggle()",
    "ui.skeleton(2)",
    "ui.empty(evil, evil)",
    *[f'ui.log_line("{level}", evil, evil, evil)' for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")],
    'ui.log_view("log", evil)',
    "ui.connection()",
    "ui.language_links()",
    "ui.theme_button()",
]
CSP_BREAKERS = re.compile(r"<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|\|\s*safe\b", re.IGNORECASE)


@pytest.fixture
def stylesheet(tmp_path: Path) -> Path:
    path = tmp_path / "app.css"
    path.write_text("body{}")
    return path


def rendered(tmp_path: Path, stylesheet: Path, call: str, language: str = "en") -> str:
    (tmp_path / "one.html").write_text('{% import "components.html" as ui with context %}{{ ' + call + " }}")
    return Pages([tmp_path], stylesheet=stylesheet).text("one.html", language, evil=EVIL)


class Seen(HTMLParser):
    """The tags that a browser would see, which of them stay open, and the ids."""

    VOID = frozenset({"input", "meta", "link", "br", "img", "hr", "path", "circle", "rect"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice: {tag} {attrs}"
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_component_renders_whole_and_escapes_what_it_is_given(
    call: str, language: str, tmp_path: Path, stylesheet: Path
) -> None:
    html = rendered(tmp_path, stylesheet, call, language)
    seen = Seen(html)
    assert seen.tags
    assert not seen.open
    assert "img" not in [tag for tag, _ in seen.tags], html
    assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")], html


def test_every_public_component_is_among_those_that_are_rendered_here() -> None:
    source = (SRC / "web" / "templates" / "components.html").read_text()
    macros = {name for name in re.findall(r"{% macro (\w+)\(", source) if not name.startswith("_")}
    called = {match for call in CALLS for match in re.findall(r"ui\.(\w+)\(", call)}
    assert macros - called == {"glyph"}, "it is drawn by the others"


def test_an_attribute_given_from_outside_reaches_the_element_and_a_class_joins_its_own(
    tmp_path: Path, stylesheet: Path
) -> None:
    html = rendered(tmp_path, stylesheet, 'ui.button("Send", class="mt-4", **{"data-send": "pr"})')
    assert '<button type="button" class="btn btn-default btn-md mt-4" data-send="pr">' in html


def test_what_a_template_may_lack_is_hidden_until_it_is_filled(tmp_path: Path, stylesheet: Path) -> None:
    fields = {
        attributes["data-field"]: "hidden" in attributes
        for _, attributes in Seen(rendered(tmp_path, stylesheet, "ui.bubble()")).tags
        if "data-field" in attributes
    }
    hidden = {name for name, is_hidden in fields.items() if is_hidden}
    assert hidden == {"sender", "reply", "reactions", "pinned", "silent", "edited"}
    assert set(fields) - hidden == {"reply_sender", "reply_text", "html", "time"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_scripts_styles_or_handlers_within(path: Path) -> None:
    source = path.read_text()
    assert not CSP_BREAKERS.search(source)
    for attributes in re.findall(r"<script\b([^>]*)>", source):
        assert "src=" in attributes or 'type="application/json"' in attributes, attributes


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_text_of_a_template_escapes_translation(path: Path) -> None:
    # Classes and attributes that a template makes of their own are not read by anybody.
    source = re.sub(r"{% block \w+_class %}.*?{% endblock %}", "", path.read_text(), flags=re.DOTALL)
    source = re.sub(r"{% macro _.*?{% endmacro %}", "", source, flags=re.DOTALL)
    source = re.sub(r"{#.*?#}|{%.*?%}", "", source, flags=re.DOTALL)
    source = re.sub(r"{{.*?}}", "", source, flags=re.DOTALL)
    for label in re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', source):
        assert not re.search("[A-Za-z]", label), label
    text = re.sub(r"<[^>]*>", "", source)
    assert not re.search("[A-Za-z]{2}", text), text.split()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_glyph_of_a_template_is_drawn(path: Path) -> None:
    drawn = set(re.findall(r'<symbol id="icon-([\w-]+)"', (SRC / "web" / "templates" / "icons.html").read_text()))
    named = re.findall(r"""(?:glyph\(|icon=)["']([\w-]+)["']""", path.read_text())
    assert set(named) <= drawn


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_are_small_and_put_no_html_into_the_page(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= 200
    if path.name != "dom.js":  # the one door for what the server rendered
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", source)
    assert not re.search(r"\beval\(|new Function|setAttribute\(\s*[\"']style", source)
    for line_before in re.findall(r"(.*)\nexport (?:async )?(?:function|class)", source):
        assert line_before.endswith("*/"), path


@pytest.mark.parametrize("path", [*TEMPLATES, *MODULES, *STYLES], ids=lambda path: path.name)
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    assert not re.search(r"(?:https?:)?//[a-z0-9-]+(?:\.[a-z0-9-]+)+", path.read_text(), re.IGNORECASE)


def test_what_every_page_shares_knows_nothing_of_one_of_them() -> None:
    shared = [*(SRC / "web").rglob("*.html"), *(SRC / "web").rglob("*.js"), *(SRC / "web").rglob("*.py")]
    assert len(shared) > 10
    for path in shared:
        assert not re.search("demo|playground|emulat", path.read_text(), re.IGNORECASE), path


def test_missing_stylesheet_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StylesheetMissing, match=r"app\.css.*make setup"):
        Pages(stylesheet=tmp_path / "app.css")


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "en"),
        ("de,ru;q=0.5,en;q=0.4", "ru"),
        ("en;q=0.3,ru;q=0.7", "ru"),
        ("en; q=0.3, ru ; q=0.7", "ru"),
        ("ru;q=0", "en"),
        ("de", "en"),
        ("", "en"),
        ("*;q=nonsense,,;q=", "en"),
    ],
)
def test_language_that_the_browser_asks_for(accept: str, language: str) -> None:
    assert preferred(accept) == language


async def served(pages: Pages) -> TestClient[web.Request, web.Application]:
    async def page(request: web.Request) -> web.Response:
        return pages.render(request, "layout.html")

    app = web.Application()
    app.add_routes([web.get("/", page), *pages.routes()])
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


async def test_language_of_the_address_is_kept_and_wins_over_what_the_browser_asks_for(stylesheet: Path) -> None:
    client = await served(Pages(stylesheet=stylesheet))
    async with client:
        english = await client.get("/", headers={"Accept-Language": "en"})
        assert '<html lang="en"' in await english.text()
        assert not english.cookies
        assert '<html lang="ru"' in await (await client.get("/?lang=ru")).text()
        kept = await client.get("/", headers={"Accept-Language": "en"})
        assert '<html lang="ru"' in await kept.text()
        assert kept.headers["Content-Language"] == "ru"
        unknown = await client.get("/?lang=../ru", headers={"Accept-Language": "en"})
        assert '<html lang="ru"' in await unknown.text()
        assert not unknown.cookies


async def test_static_files_are_served_and_cannot_be_left(tmp_path: Path, stylesheet: Path) -> None:
    folder = tmp_path / "static"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "part.js").write_text("export {};")
    (folder / "out.js").symlink_to(stylesheet)
    client = await served(Pages(static={"own": folder}, stylesheet=stylesheet))
    async with client:
        for path in ("/static/app.css", "/static/web/dom.js", "/static/own/in/part.js"):
            answer = await client.get(path)
            assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache"), path
        for path in (
            "own/..%2Fapp.css",
            "own/in/..%2F..%2Fapp.css",
            "own/out.js",
            "own/in",
            "other/x.js",
            "own//etc/passwd",
            "own/%00",
            "own/" + "x" * 300,
        ):
            assert (await client.get(f"/static/{path}")).status == 404, path
        etag = (await client.get("/static/web/dom.js")).headers["ETag"]
        again = await client.get("/static/web/dom.js", headers={"If-None-Match": etag})
        assert again.status == 304


def test_frame_of_a_page_has_a_way_past_its_head_and_loads_only_our_files(stylesheet: Path) -> None:
    tags = Seen(Pages(stylesheet=stylesheet).text("layout.html", "en").replace("<!doctype html>", "")).tags
    skip = next(attributes for tag, attributes in tags if tag == "a")
    assert skip["href"] == "#main"
    assert any(tag == "main" and attributes["id"] == "main" for tag, attributes in tags)
    loaded = [attributes.get("src") or attributes.get("href") for tag, attributes in tags if tag in ("script", "link")]
    assert loaded
    assert all(path and path.startswith("/static/") for path in loaded)
