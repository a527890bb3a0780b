"""Kept documents as answers: the bytes go out as they are."""

from fastapi import Request, Response

from xrdkna.edge.store.store import Store

JSON = "application/json"


def kept_document(
    request: Request, store: Store, sha256: str, *, media_type: str = JSON, headers: dict[str, str] | None = None
) -> Response:
    """The document, or 304 where the client has it."""
    tag = f'"{sha256[:32]}"'
    more = {"etag": tag, **(headers or {})}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=more)
    return Response(store.files.read(sha256), media_type=media_type, headers=more)


def attachment(name: str) -> dict[str, str]:
    """The header that makes a browser save a file under a name."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
    return {"content-disposition": f'attachment; filename="{plain}"'}
