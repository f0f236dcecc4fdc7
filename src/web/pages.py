"""Pages: templates with the texts of the reader's language, and the static files beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from src.i18n import DEFAULT, choose, languages, native_name, translator

_HERE = Path(__file__).parent
STYLESHEET = _HERE.parents[1] / "build" / "web" / "app.css"
_COOKIE = "language"
_YEAR = 365 * 24 * 3600


class StylesheetMissing(Exception):
    """The stylesheet of the pages was not built yet."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"The pages have no stylesheet yet ({path.name} is not there). Run: make setup")


class Pages:
    """Renders templates and serves what they refer to.

    `templates` are folders that are looked through in order, before the components and the layout of this package;
    `static` are folders by the name under which their files are served: ``/static/NAME/...``. The files of this
    package are under ``/static/web/``, the stylesheet of all is ``/static/app.css``.
    """

    def __init__(
        self, templates: Sequence[Path] = (), static: Mapping[str, Path] | None = None, *, stylesheet: Path = STYLESHEET
    ) -> None:
        """Raises `StylesheetMissing` where the stylesheet was not built."""
        if not stylesheet.is_file():
            raise StylesheetMissing(stylesheet)
        self._stylesheet = stylesheet
        self._static = {"web": _HERE / "static", **(static or {})}
        self._environment = Environment(
            loader=FileSystemLoader([*templates, _HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def language(self, request: web.Request) -> str:
        """What the reader chose (`?lang=`, then the cookie), else what the browser asks for, else English."""
        for chosen in (request.query.get("lang"), request.cookies.get(_COOKIE)):
            if chosen in languages():
                return chosen
        return preferred(request.headers.get("Accept-Language", ""))

    def text(self, name: str, language: str, /, **context: object) -> str:
        """The template `name` in `language`, whose texts it finds as `t("...")`, `n(...)` and `p(...)`."""
        t = translator(language)
        words = {code: native_name(code) for code in languages()}
        return self._environment.get_template(name).render(
            {**context, "t": t, "n": t.n, "p": t.p, "language": language, "languages": words}
        )

    def render(self, request: web.Request, name: str, /, **context: object) -> web.Response:
        """Answer with the template `name`; a language chosen by `?lang=` is kept in a cookie for a year."""
        language = self.language(request)
        response = web.Response(
            text=self.text(name, language, **context),
            content_type="text/html",
            headers={"Cache-Control": "no-store", "Content-Language": language},
        )
        if request.query.get("lang") == language:
            response.set_cookie(_COOKIE, language, max_age=_YEAR, httponly=True, samesite="Strict")
        return response

    def routes(self) -> list[web.AbstractRouteDef]:
        """GET for the stylesheet and for every static file; nothing outside their folders is ever served."""
        return [
            web.get("/static/app.css", self._styles),
            web.get("/static/{folder}/{path:.+}", self._file),
        ]

    async def _styles(self, _request: web.Request) -> web.StreamResponse:
        return _fresh(self._stylesheet)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        folder = self._static.get(request.match_info["folder"])
        if folder is None:
            raise web.HTTPNotFound
        root = folder.resolve()
        try:
            path = (root / request.match_info["path"]).resolve()
            is_ours = path.is_relative_to(root) and path.is_file()
        except (OSError, ValueError):  # a name that no file can have: too long, with a zero byte
            raise web.HTTPNotFound from None
        if not is_ours:
            raise web.HTTPNotFound
        return _fresh(path)


def preferred(accept: str) -> str:
    """The best of our languages for an Accept-Language header, English where it names none of them."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")):
        code, _, weight = part.replace(" ", "").partition(";q=")
        try:
            wishes.append((float(weight or 1), -place, code))
        except ValueError:
            continue  # a weight that is no number: this wish counts for nothing
    for wanted, _, code in sorted(wishes, reverse=True):
        language = choose(code)
        if wanted > 0 and (language != DEFAULT or code.lower().split("-")[0] == DEFAULT):
            return language
    return DEFAULT


def _fresh(path: Path) -> web.FileResponse:
    # Asked for anew each time and answered by 304: a page is never newer than the modules it loads.
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})
