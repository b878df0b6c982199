"""Mistakes that both type checkers see: each comment is needed, or the checker says so. Never run."""

from __future__ import annotations

from openteller import AsyncOpenTeller, Money, OpenTeller
from openteller.statements import OwnRow


def see(_: object) -> None:
    """Look at a value."""


client = OpenTeller()
others = AsyncOpenTeller()

OpenTeller(secret="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
OpenTeller(timeout="10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
client.with_options(base_url="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
see(client.unicorns)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

client.payments.create()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
client.payments.create("order-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
client.payments.create(partner_reference="order-1", colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
client.payments.create(partner_reference="order-1", amount="1.50")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
client.payments.create(partner_reference="order-1", locale="fr")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
client.payments.list(status="teleported")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
client.branches.list(service="TEA")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
client.branches.list(near=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
client.payments.get(payment="pay_1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
see(client.payments.get("pay_1").colour)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
client.payments.get("pay_1").status = "succeeded"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
client.raw(client.payments.get)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
client.raw(client.payments.get, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

client.statements.reconcile([("order-1", Money(1))])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
OwnRow("order-1", "1.50")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

client.authorization.start(redirect_uri="https://bot.example/cb", locale="fr")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
client.authorization.finish("?code=1", customer="user-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
OpenTeller(token_store="tokens.db")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
OpenTeller(private_key=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

Money(1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
see(Money(1) + 1)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
see(Money(1) * 1.5)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
see(Money(1) < 1)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]


async def main() -> None:
    for _ in others.payments.list():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    see((await others.payments.get("pay_1")).colour)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    await others.payments.create(partner_reference="order-1", colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
