"""Projects, the tokens that open them, and browsers that have shown one."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from xrdkna.edge.store.database import new_id, now
from xrdkna.edge.store.tables import Project, Token, WebSession

# The project of a service that only this machine can reach, where nobody has to show a token.
LOCAL_PROJECT = "local"
# A browser is asked for its token again after so long: two weeks cover a beamtime.
_SESSION_S = 14 * 86_400
_PREFIX = "xrdkna_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a project, and the token shown (None on a loopback service without tokens)."""

    project_id: str
    token_id: str | None


def project_named(session: Session, name: str) -> Project:
    """The project, made where there is none of the name."""
    found = session.scalar(select(Project).where(Project.name == name))
    if found is None:
        found = Project(id=new_id(), name=name, created=now())
        session.add(found)
        session.flush()
    return found


def make_token(session: Session, *, name: str, project: str) -> str:
    """A new token for a project. It is told here and never again: only its hash is kept.

    256 random bits need no slow hash: there is nothing to guess.
    """
    token = _PREFIX + secrets.token_urlsafe(32)
    owner = project_named(session, project)
    session.add(Token(id=new_id(), project_id=owner.id, name=name, hash=hash_of(token), created=now()))
    return token


def revoke_tokens(session: Session, *, name: str) -> int:
    """How many tokens of this name were valid and are so no longer; their browsers are signed out."""
    tokens = session.scalars(select(Token).where(Token.name == name, Token.revoked.is_(None))).all()
    for token in tokens:
        token.revoked = now()
        session.execute(delete(WebSession).where(WebSession.token_id == token.id))
    return len(tokens)


def any_token(session: Session) -> bool:
    """Is there a token that opens anything?"""
    return session.scalar(select(Token.id).where(Token.revoked.is_(None)).limit(1)) is not None


def caller_with_token(session: Session, token: str) -> Caller | None:
    """Whom a token stands for; None for one that is unknown or revoked."""
    wanted = hash_of(token)
    found = session.scalar(select(Token).where(Token.hash == wanted))
    # The look-up compares hashes, whose order tells nothing of the token; the last word is a comparison in constant time.
    if found is None or not hmac.compare_digest(found.hash, wanted) or found.revoked is not None:
        return None
    return Caller(project_id=found.project_id, token_id=found.id)


def open_session(session: Session, caller: Caller) -> str:
    """A cookie for a browser that has shown its token."""
    cookie = secrets.token_urlsafe(32)
    session.execute(delete(WebSession).where(WebSession.expires < now()))
    session.add(WebSession(hash=hash_of(cookie), token_id=caller.token_id, expires=now() + _SESSION_S))
    return cookie


def caller_with_cookie(session: Session, cookie: str) -> Caller | None:
    """Whom a browser's cookie stands for; None where it has expired or its token was revoked."""
    wanted = hash_of(cookie)
    row = session.execute(select(WebSession, Token).join(Token).where(WebSession.hash == wanted)).first()
    if row is None:
        return None
    web, token = row
    if not hmac.compare_digest(web.hash, wanted) or web.expires < now() or token.revoked is not None:
        return None
    return Caller(project_id=token.project_id, token_id=token.id)


def close_session(session: Session, cookie: str) -> None:
    """The cookie opens nothing from now on."""
    session.execute(delete(WebSession).where(WebSession.hash == hash_of(cookie)))


def hash_of(secret: str) -> str:
    """SHA-256, as kept."""
    return hashlib.sha256(secret.encode("utf-8", errors="replace")).hexdigest()
