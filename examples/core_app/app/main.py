"""The application's own API, and the worker beside it: uvicorn app.main:app --port 8470."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app import worker
from app.store import Store

DATABASE = Path(__file__).parent / "orders.db"
store = Store(DATABASE)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    token = os.environ.get("ENTREPOT_TOKEN", "")
    if not token:
        raise SystemExit("ENTREPOT_TOKEN is not set. Make a token: export ENTREPOT_TOKEN=$(entrepot token new)")
    stop = threading.Event()
    url = os.environ.get("ENTREPOT_URL", "http://127.0.0.1:8400")
    thread = threading.Thread(target=worker.run, args=(store, url, token, stop), name="orders")
    thread.start()
    yield
    stop.set()
    thread.join()


app = FastAPI(title="Orders", lifespan=lifespan)


@app.get("/orders")
def list_orders() -> list[dict[str, Any]]:
    return store.orders()


@app.get("/stock")
def list_stock() -> list[dict[str, Any]]:
    return store.stock()
