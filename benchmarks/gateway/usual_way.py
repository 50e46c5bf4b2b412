"""The usual way: FastAPI with a Pydantic model, one INSERT and COMMIT by SQLAlchemy's ORM. Imported in the peers' environment only."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.gateway.serve import TOKEN


class Base(DeclarativeBase):
    """Of the tables."""


class Record(Base):
    """A record as stored."""

    __tablename__ = "records"
    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime]
    body: Mapped[str]


class Order(BaseModel):
    """A record as sent."""

    id: str
    pad: str


def make_application(folder: Path) -> FastAPI:
    """The application."""
    engine = create_engine(f"sqlite:///{folder / 'records.db'}")

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 10000")

    Base.metadata.create_all(engine)
    application = FastAPI()

    @application.post("/api/v1/in/{integration}", status_code=202)
    def store(integration: str, order: Order, authorization: str = Header()) -> dict[str, str]:
        if authorization != f"Bearer {TOKEN}":
            raise HTTPException(401)
        id = str(uuid4())
        with Session(engine) as session:
            session.add(Record(id=id, reference=order.id, received_at=datetime.now(UTC), body=order.model_dump_json()))
            session.commit()
        return {"id": id, "status": "just_in", "reference": order.id}

    return application
