"""Routes as a FastAPI application with a true OpenAPI document.

A handler's first parameter is the desk; FastAPI sees the rest of its signature. Every error is
{code, message, where, remedy}: those of the tree under their status, the framework's own as well. Until there
is a sign-in: loopback hosts only (so that no page of another site can reach the pool through a browser),
and who acts is the header `X-Acting-As`, by default the user of the machine.
"""

from __future__ import annotations

import getpass
import inspect
import json
import typing
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from yutang import __version__
from yutang.kernel.errors import ForbiddenError, InvalidError, LimitError, YutangError
from yutang.kernel.words import Route
from yutang.runtime.desk import Desk

ACTOR_CHARS_MAX = 64
BODY_BYTES_MAX = 16 * 1_024 * 1_024
HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
PROBLEM_STATUSES = (404, 409, 422)


class Problem(BaseModel):
    """What went wrong, where, and how to mend it."""

    code: str
    message: str
    where: str = ""
    remedy: str = ""


class Json(JSONResponse):
    """JSON whose texts may hold anything that Python's can, half a surrogate pair too."""

    def render(self, content: Any) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def build_api(routes: Sequence[Route], desk_for: Callable[[str], Desk]) -> FastAPI:
    """The application. desk_for(actor) gives a desk pinned to the newest epoch."""
    api = FastAPI(
        title="Yutang",
        version=__version__,
        description="Customers, timelines and labels of one pool. Instants are RFC 3339; money is {minor, currency}.",
        default_response_class=Json,
    )
    api.middleware("http")(_guard)
    api.add_exception_handler(YutangError, _explain)
    api.add_exception_handler(RequestValidationError, _explain_request)
    api.add_exception_handler(HTTPException, _explain_status)

    def acting_desk(
        x_acting_as: Annotated[str | None, Header(max_length=ACTOR_CHARS_MAX, description="who acts")] = None,
    ) -> Desk:
        return desk_for(_actor(x_acting_as))

    for route in routes:
        _add(api, route, acting_desk)
    api.add_api_route("/", lambda: RedirectResponse("/docs"), include_in_schema=False)
    return api


def _actor(header: str | None) -> str:
    """Headers are Latin-1 on the wire; names are sent as UTF-8."""
    if not header:
        return getpass.getuser()
    try:
        name = header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        name = header
    if not name.isprintable():
        raise InvalidError(
            "actor.malformed", "the name of who acts has control characters", where="X-Acting-As",
            remedy="send a plain name",
        )  # fmt: skip
    return name


def _add(api: FastAPI, route: Route, acting_desk: Callable[..., Desk]) -> None:
    hints = typing.get_type_hints(route.handler, include_extras=True)
    signature = inspect.signature(route.handler)
    parameters = [
        parameter.replace(
            annotation=Annotated[Desk, Depends(acting_desk)] if name == "desk" else hints[name],
            kind=inspect.Parameter.KEYWORD_ONLY,
        )
        for name, parameter in signature.parameters.items()
    ]

    def endpoint(**arguments: Any) -> Any:
        return route.handler(**arguments)

    endpoint.__signature__ = signature.replace(parameters=parameters, return_annotation=hints["return"])  # type: ignore[attr-defined]
    endpoint.__name__ = route.handler.__name__
    endpoint.__doc__ = inspect.getdoc(route.handler)
    api.add_api_route(
        route.path,
        endpoint,
        methods=[route.method],
        status_code=route.status,
        response_model=hints["return"],
        tags=[route.path.split("/")[2]],
        operation_id=route.handler.__name__,
        responses={code: {"model": Problem, "description": HTTPStatus(code).phrase} for code in PROBLEM_STATUSES},
        openapi_extra={"x-permission": route.permission.value},
    )


async def _guard(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse what comes by another name than loopback's, and what is larger than any question."""
    host = request.headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name.lower() not in HOSTS:
        return _told(ForbiddenError(
            "request.host", f"{host!r} isn't a name of this machine's loopback", where="Host",
            remedy="use http://127.0.0.1 or http://localhost with the port",
        ))  # fmt: skip
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > BODY_BYTES_MAX:
        return _told(LimitError(
            "request.too_large", f"a body has at most {BODY_BYTES_MAX} bytes", where="body",
            remedy="hand large files to `yutang import`",
        ))  # fmt: skip
    return await follow(request)


def _told(error: YutangError) -> JSONResponse:
    return Json(error.as_dict(), status_code=error.http_status)


async def _explain(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, YutangError)
    return _told(error)


async def _explain_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = "/".join(str(part) for part in first["loc"])
    return _told(InvalidError("request.invalid", str(first["msg"]), where=where, remedy="see /docs"))


async def _explain_status(_request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such path, no such method, no JSON."""
    assert isinstance(error, HTTPException)
    problem = Problem(code="request.refused", message=str(error.detail), remedy="see /docs")
    return Json(problem.model_dump(), status_code=error.status_code, headers=error.headers)
