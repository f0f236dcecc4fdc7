"""Who may ask a page server of this machine, and what is said when something goes wrong."""

import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from src.i18n import Translator, translator
from src.web.pages import preferred

BODY_BYTES: Final = 64 * 1024
# Scripts and styles are files of ours, nothing comes from elsewhere, nobody puts the page into a frame of theirs.
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_READING = frozenset({"GET", "HEAD"})
_USUAL_PORT = 80  # which browsers leave out

log = logging.getLogger(__name__)


class ApiError(Exception):
    """Answered as ``{"error": message}``; `message` is a sentence in the reader's language that names the next step."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def accepted(request: web.Request) -> str:
    """The language that the browser asks for, where there are texts in it."""
    return preferred(request.headers.get("Accept-Language", ""))


def guard(port: int, *, language: Callable[[web.Request], str] = accepted) -> Middleware:
    """A middleware for all that is served on `port` of 127.0.0.1.

    Other names of this machine are refused (a page elsewhere may have its own name point here), and so are
    requests that a page of another origin makes, forms, and bodies over `BODY_BYTES`. Every answer gets
    `SECURITY_HEADERS`. An `ApiError` is told; anything unexpected is logged and told without details.
    """
    names = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    if port == _USUAL_PORT:
        names |= {"127.0.0.1", "localhost"}

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        t = translator(language(request))
        try:
            _admit(request, names, t)
            response = await handler(request)
        except ApiError as error:
            response = _refusal(error.message, error.status)
        except web.HTTPException as error:
            response = _told(error, t)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = _refusal(t("Something went wrong here. The log says what."), 500)
        if not response.prepared:  # an event stream has sent its own already
            response.headers.update(SECURITY_HEADERS)
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guarded


def _admit(request: web.Request, names: set[str], t: Translator) -> None:
    if request.headers.get("Host", "").lower() not in names:
        raise ApiError(t("This page answers at 127.0.0.1 only. Open it by the address that was printed."), 403)
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() not in {f"http://{name}" for name in names}:
        raise ApiError(t("Another page asked for this. Do it on the page itself."), 403)
    if request.method in _READING:
        return
    if request.content_type != "application/json":
        raise ApiError(t("Send it as JSON."), 415)
    if request.content_length is None:
        raise ApiError(t("Say how long it is."), 411)
    if request.content_length > BODY_BYTES:
        raise ApiError(t("That is too long. Shorten it."), 413)


def _told(error: web.HTTPException, t: Translator) -> web.Response:
    """The error as JSON, a redirect as what it is."""
    match error.status:
        case 404:
            return _refusal(t("There is nothing at this address."), 404)
        case 413:
            return _refusal(t("That is too long. Shorten it."), 413)
        case status if status >= 400:
            answer = _refusal(error.reason, status)
            if "Allow" in error.headers:
                answer.headers["Allow"] = error.headers["Allow"]
            return answer
        case status:
            return web.Response(status=status, headers={"Location": error.headers.get("Location", "/")})


def _refusal(message: str, status: int) -> web.Response:
    return web.json_response({"error": message}, status=status)
