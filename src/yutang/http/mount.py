"""Routes as a FastAPI application with a true OpenAPI document.

A handler's first parameter is the desk; FastAPI sees the rest of its signature. One that gives an iterator is served
as server-sent events, until it ends or nobody is left to take them. Every error is
{code, message, where, remedy}: those of the tree under their status, the framework's own as well. A question with a
field that there isn't is refused: a misspelt one would be passed over, and another question answered. Until there
is a sign-in: loopback hosts and origins only (so that no page of another site can reach the pool through a browser),
and who acts is the header `X-Acting-As`, by default the user of the machine.
"""

from __future__ import annotations

import getpass
import inspect
import json
import typing
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import is_dataclass
from http import HTTPStatus
from types import GenericAlias, NoneType
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.datastructures import Default
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from yutang import __version__
from yutang.kernel.errors import ForbiddenError, InvalidError, LimitError, MisdirectedError, TooLargeError, YutangError
from yutang.kernel.words import Route
from yutang.runtime.desk import Desk
from yutang.runtime.receiving import Door

ACTOR_CHARS_MAX = 64
BODY_BYTES_MAX = 16 * 1_024 * 1_024
HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
PROBLEM_STATUSES = (404, 409, 422)
CONFIG = "__pydantic_config__"  # of a dataclass: how its fields are read


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


def build_api(
    routes: Sequence[Route], desk_for: Callable[[str], Desk], doors: Sequence[Door] = (), intake_url: str = ""
) -> FastAPI:
    """The application. desk_for(actor) gives a desk pinned to the newest epoch. doors: of intake, at another port."""
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
    _misplaced(api, doors, intake_url)
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
    if route.method == "POST" and route.permission.value.endswith(".read"):
        for name in hints.keys() - {"desk", "return"}:
            _refuse_more(hints[name])
    signature = inspect.signature(route.handler)
    parameters = [
        parameter.replace(
            annotation=Annotated[Desk, Depends(acting_desk)] if name == "desk" else hints[name],
            kind=inspect.Parameter.KEYWORD_ONLY,
        )
        for name, parameter in signature.parameters.items()
    ]

    def answered(**arguments: Any) -> Any:
        return route.handler(**arguments)

    def opened(**arguments: Any) -> Iterator[Any]:
        with closing(route.handler(**arguments)) as stream:  # what nobody takes any more ends now, not when collected
            yield stream

    streams = typing.get_origin(hints["return"]) is Iterator
    taking: Any = opened if streams else answered
    taking.__signature__ = signature.replace(parameters=parameters, return_annotation=hints["return"])
    endpoint = _streaming(opened, hints["return"]) if streams else answered
    endpoint.__name__ = route.handler.__name__
    endpoint.__doc__ = inspect.getdoc(route.handler)
    api.add_api_route(
        route.path,
        endpoint,
        methods=[route.method],
        status_code=route.status,
        response_model=Default(None) if streams else hints["return"],
        response_class=EventSourceResponse if streams else Json,
        tags=[route.path.split("/")[2]],
        operation_id=route.handler.__name__,
        responses=_stream_problems() if streams else _problems(),
        openapi_extra={"x-permission": route.permission.value},
    )


def _refuse_more(kind: Any) -> None:
    """Let a question's contract, and those inside it, take only the fields that they have."""
    for inner in typing.get_args(kind):
        _refuse_more(inner)
    if not (isinstance(kind, type) and is_dataclass(kind)) or CONFIG in vars(kind):
        return
    # In the contract itself, and not beside it: the document of the API says it too.
    setattr(kind, CONFIG, ConfigDict(extra="forbid"))
    for inner in typing.get_type_hints(kind).values():
        _refuse_more(inner)


def _problems() -> dict[int | str, dict[str, Any]]:
    return {code: {"model": Problem, "description": HTTPStatus(code).phrase} for code in PROBLEM_STATUSES}


def _stream_problems() -> dict[int | str, dict[str, Any]]:
    """Problems of what streams otherwise: they are JSON, whatever its media type is."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {
        code: {"description": HTTPStatus(code).phrase, "content": content}
        for code in (*PROBLEM_STATUSES, LimitError.http_status)
    }


def _misplaced(api: FastAPI, doors: Sequence[Door], intake_url: str) -> None:
    """What is meant for intake is told where that is, not that there is no such path."""
    for door in doors:

        def endpoint(request: Request) -> Response:
            raise MisdirectedError(
                "request.misdirected", "events aren't taken here", where=request.url.path,
                remedy=f"send this to {intake_url}{request.url.path}",
            )  # fmt: skip

        api.add_api_route(door.path, endpoint, methods=[door.method], include_in_schema=False)


def _streaming(opened: Callable[..., Any], returned: Any) -> Any:
    """An endpoint of server-sent events. opened: gives them, or raises what is told as any error, before the first.

    Each is a message with the event's `cursor` as its id, if it has one; None is a sign of life.
    """

    def endpoint(stream: Iterator[Any]) -> Iterator[ServerSentEvent]:
        for found in stream:
            life = found is None
            told = None if life else jsonable_encoder(found)
            yield ServerSentEvent(data=told, id=getattr(found, "cursor", None), comment="quiet" if life else None)

    stream = inspect.Parameter(
        "stream", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[Iterator[Any], Depends(opened)]
    )
    (item,) = typing.get_args(returned)
    shown = next(one for one in typing.get_args(item) or (item,) if one is not NoneType)
    streaming: Any = endpoint
    streaming.__signature__ = inspect.Signature([stream], return_annotation=GenericAlias(Iterator, (shown,)))
    return streaming


async def _guard(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse what comes by another name than loopback's or from another site's page, and what is too large."""
    host = request.headers.get("host", "")
    if not _is_loopback(host):
        return _told(ForbiddenError(
            "request.host", f"{host!r} isn't a name of this machine's loopback", where="Host",
            remedy="use http://127.0.0.1 or http://localhost with the port",
        ))  # fmt: skip
    origin = request.headers.get("origin")
    if origin is not None and not _is_loopback(origin.partition("://")[2]):  # a browser sends some POSTs unasked
        return _told(ForbiddenError(
            "request.origin", f"pages of {origin[:100]!r} can't call the API", where="Origin",
            remedy="call it from a page of this machine, or from a program",
        ))  # fmt: skip
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > BODY_BYTES_MAX:
        return _told(TooLargeError(
            "request.too_large", f"a body has at most {BODY_BYTES_MAX} bytes", where="body",
            remedy="hand large files to `yutang import`",
        ))  # fmt: skip
    return await follow(request)


def _is_loopback(host: str) -> bool:
    """Whether a host, with its port or without, names this machine's loopback."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower() in HOSTS


def _told(error: YutangError) -> JSONResponse:
    return Json(error.as_dict(), status_code=error.http_status)


async def _explain(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, YutangError)
    return _told(error)


async def _explain_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = "/".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        message, remedy = f"there is no field {str(first['loc'][-1])[:60]!r} here", "leave it out; /docs names all"
        return _told(InvalidError("request.unknown_field", message, where=where, remedy=remedy))
    return _told(InvalidError("request.invalid", str(first["msg"]), where=where, remedy="see /docs"))


async def _explain_status(_request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such path, no such method, no JSON."""
    assert isinstance(error, HTTPException)
    problem = Problem(code="request.refused", message=str(error.detail), remedy="see /docs")
    return Json(problem.model_dump(), status_code=error.status_code, headers=error.headers)
