"""What the log of a world keeps of a form, so that it can be sent again: never a cookie, a form's token, a code."""

from __future__ import annotations

import re
from typing import Any

from werkzeug import Request

from openteller_sandbox.bank import World
from openteller_sandbox.customers import service as customers
from openteller_sandbox.hosted import flow
from openteller_sandbox.hosted.sessions import Session
from openteller_sandbox.payments.model import Held

STEPS = frozenset(
    {"start", "language", "place", "biller", "account", "sign_in", "digits", "retry", "bills", "amount", "confirm"}
    | {"again", "leave", "change_amount"}
)
_KEPT = re.compile("step|lang|category_code|adcode|biller_id|bill_id|digits|amount|plan|total|in_[a-z0-9_]{1,40}")
_LONGEST = 200


def name_of(request: Request) -> str:
    """Name what a payer does: the step of a form, or to look."""
    if request.method != "POST":
        return "look"
    step = request.form.get("step", "")
    return step if step in STEPS else "other"


def details(held: Held, session: Session | None, request: Request) -> dict[str, Any]:
    """Give what it takes to do it again. page: behind which part of the link; csrf: whether the form was the page's."""
    form = {
        name: [value[:_LONGEST] for value in values] for name, values in request.form.lists() if _KEPT.fullmatch(name)
    }
    if request.form.get("step") == "sign_in":
        number, is_right = customers.stand_in(World(held.world_id), *flow.typed_to_sign_in(request.form.to_dict()))
        form |= {"customer_number": [number], "demo_code": ["right" if is_right else "wrong"]}
    return {
        "payment_id": held.payment.payment_id,
        "browser": session.browser if session else None,
        "method": request.method,
        "page": request.path.partition(f"/pay/{held.link_code}")[2],
        "csrf": session is not None and session.allows(request.form.get("csrf", "")),
        "form": form,
    }
