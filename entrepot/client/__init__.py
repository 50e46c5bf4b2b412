"""For applications: send records in the transaction that makes them, take and acknowledge messages, hand records in.

Importing this loads nothing but the standard library. `Outbox` writes to the application's own database; `Entrepot` speaks HTTP.
"""

from entrepot.client.http import Entrepot, Refused, TakenMessage
from entrepot.client.outbox import Outbox

__all__ = ["Entrepot", "Outbox", "Refused", "TakenMessage"]
