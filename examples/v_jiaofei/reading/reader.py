"""What a chat message asks for: a bill to pay, a branch, a rate, help.

The reader guesses nothing. A name that two cities bear, two kinds of bill or two numbers give a question, and so does
a piece that is missing: one question at a time. It keeps nothing between messages; an answer is read together with the
reading that asked (`after`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from .digits import Kind, Run, drop_digits, find_runs, position
from .folding import CHINESE_DIGITS, close_up, fold, is_chinese
from .gazetteer import Category, Gazetteer, Mention, Place, narrow
from .vocabulary import Role

__all__ = ["Ask", "Category", "Intent", "Place", "Reader", "Reading"]

LONGEST_MESSAGE = 10_000
"""Characters; what follows is not read. Weibo's own limits are far below."""


class Intent(Enum):
    """What a message is about."""

    PAY = "pay"
    BRANCHES = "branches"
    FX = "fx"
    HELP = "help"
    THANKS = "thanks"
    UNCLEAR = "unclear"


class Ask(Enum):
    """The one thing to ask next."""

    CATEGORY = "category"
    PLACE = "place"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a message. Its `repr` shows no number and no word of the writer's."""

    intent: Intent
    places: tuple[Place, ...] = ()
    """Where; several when the name is ambiguous."""
    categories: tuple[str, ...] = ()
    """Codes of the kinds of bill; several when more than one was named."""
    accounts: tuple[str, ...] = field(default=(), repr=False)
    """Account numbers in ASCII digits; several when more than one was given."""
    words: str = field(default="", repr=False)
    """What else was said: the name of a biller, or a street near which a branch is wanted."""
    currencies: tuple[str, ...] = ()
    """ISO 4217 codes; none for the whole board."""
    position: tuple[float, float] | None = field(default=None, repr=False)
    """Latitude and longitude in degrees, if the message gave them."""
    phone_given: bool = False
    """Whether there was a telephone number. The bank's page asks for it; a chat must not pass it on."""
    ask: Ask | None = None

    @property
    def place(self) -> Place | None:
        """The one place, if it is clear."""
        return self.places[0] if len(self.places) == 1 else None

    @property
    def category_code(self) -> str | None:
        """The one kind of bill, if it is clear."""
        return self.categories[0] if len(self.categories) == 1 else None

    @property
    def account(self) -> str | None:
        """The one account number, if it is clear."""
        return self.accounts[0] if len(self.accounts) == 1 else None


_QUOTED = re.compile(r"//@")
_URL = re.compile(r"https?://[!-~]{1,500}")
_SOMEBODY = re.compile(r"@[^\s@:：,，。!！?？#/\\]{1,30}")
_CHOICE = re.compile(r"(?:第|选|我选|选择)? ?([1-9一二三四五六七八九])(?:个|项|号|吧|\.|、)?")
_PICKED = "一二三四五六七八九"


class Reader:
    """Reads messages.

    Args:
        places: the cities of the bank's directory of billers; names that they share with other divisions of the
            country are still ambiguous.
        categories: the kinds of bill that the bank lists.
        name: the account's own name on the platform, as in @V缴费.
    """

    def __init__(self, places: Iterable[Place], categories: Iterable[Category], *, name: str = "V缴费") -> None:
        self._gazetteer = Gazetteer(places, categories)
        self._lengths = frozenset(
            length for category in self._gazetteer.categories.values() for length in category.account_lengths
        )
        self._name = re.compile("@" + re.escape(fold(name).lower()), re.IGNORECASE)

    def read(self, text: str, *, after: Reading | None = None) -> Reading:
        """Read a private message, or the answer to the question of an earlier one; any text gives a reading."""
        found = self._read(text, asked_for_account=after is not None and after.ask is Ask.ACCOUNT)
        return found if after is None or after.ask is None else self._answer(text, found, after)

    def read_public(self, text: str) -> Reading:
        """Read what others can read, too: no number is kept, and none is asked for."""
        found = self._read(text, asked_for_account=False)
        ask = None if found.ask is Ask.ACCOUNT else found.ask
        words = drop_digits(found.words).text
        return replace(found, accounts=(), position=None, words=words, ask=ask)

    # One message

    def _read(self, text: str, *, asked_for_account: bool) -> Reading:
        closed, gaps = close_up(self._own_words(text))
        mentions = self._gazetteer.mentions(closed, gaps)
        said = _affirmed(closed, mentions)
        categories = self._categories(said)
        runs = find_runs(
            closed,
            self._lengths_of(categories),
            words=_worded(closed, mentions),
            sounds_like_a_label=self._gazetteer.sounds_like_a_label,
        )
        accounts = self._accounts(runs, categories, asked_for_account=asked_for_account)
        roles = {mention.role for mention in said}
        words = _leftover(closed, mentions, runs)
        if words:
            roles.discard(Role.PLACE)  # a bare 上海 is the beginning of a wish, 上海下雨了 is not
        intent = _intent(roles, has_category=bool(categories), has_account=bool(accounts))
        reading = Reading(
            intent=intent,
            places=self._places(said),
            categories=categories if intent is Intent.PAY else (),
            accounts=accounts,
            words=words,
            currencies=_currencies(said),
            position=position(closed),
            phone_given=any(run.kind is Kind.PHONE for run in runs),
        )
        return self._asking(reading)

    def _own_words(self, text: str) -> str:
        """What the writer says: without quoted posts, links and the names of those who are addressed."""
        own = fold(_QUOTED.split(text[:LONGEST_MESSAGE], maxsplit=1)[0]).lower()
        return _SOMEBODY.sub(" ", self._name.sub(" ", _URL.sub(" ", own)))

    def _lengths_of(self, categories: Sequence[str]) -> frozenset[int]:
        known = self._gazetteer.categories
        return frozenset(n for code in categories for n in known[code].account_lengths) or self._lengths

    @staticmethod
    def _categories(said: Sequence[Mention]) -> tuple[str, ...]:
        """The kinds of bill that are named; else those whose numbers are called as this one is."""
        for role in (Role.CATEGORY, Role.LABEL):
            named = {code: None for mention in said if mention.role is role for code in _codes(mention)}
            if named:
                return tuple(sorted(named))
        return ()

    @staticmethod
    def _places(said: Sequence[Mention]) -> tuple[Place, ...]:
        together: tuple[Place, ...] = ()
        for mention in said:
            named = [value for value in mention.values if isinstance(value, Place)]
            if named:
                together = narrow(together, named) if together else tuple(named)
        return tuple(sorted(together, key=lambda place: place.adcode))

    def _accounts(self, runs: Sequence[Run], categories: Sequence[str], *, asked_for_account: bool) -> tuple[str, ...]:
        """Each number once. Of several, those that a word or a known length vouches for are meant."""
        found = [run for run in runs if run.kind is Kind.ACCOUNT]
        if not found and asked_for_account and len(runs) == 1 and 4 <= len(runs[0].value) <= 20:
            found = list(runs)
        lengths = self._lengths_of(categories)
        vouched = [run for run in found if run.labelled or len(run.value) in lengths]
        return tuple(dict.fromkeys(run.value for run in vouched or found))

    def _asking(self, reading: Reading) -> Reading:
        """The reading with the one question that is open."""
        ask: Ask | None = None
        if reading.intent is Intent.PAY:
            ask = self._missing_for_payment(reading)
        elif reading.intent is Intent.BRANCHES:
            known = reading.position is not None or len(reading.places) == 1 or (reading.words and not reading.places)
            ask = None if known else Ask.PLACE
        return replace(reading, ask=ask)

    def _missing_for_payment(self, reading: Reading) -> Ask | None:
        if reading.category_code is None:
            return Ask.CATEGORY
        category = self._gazetteer.categories[reading.category_code]
        if len(reading.places) > 1 or (not reading.places and not category.nationwide):
            return Ask.PLACE
        if len(reading.accounts) == 1 or (category.nationwide and reading.phone_given and not reading.accounts):
            return None
        return Ask.ACCOUNT

    # An answer to a question

    def _answer(self, text: str, found: Reading, before: Reading) -> Reading:
        chosen = _choose(self._own_words(text), before)
        if chosen is not None:
            return self._asking(chosen)
        if before.intent is Intent.BRANCHES:
            return self._asking(_for_branches(found, before))
        says_more = found.places or found.categories or found.accounts or found.phone_given
        if found.intent not in {Intent.PAY, Intent.UNCLEAR} or not says_more:
            return found
        return self._asking(
            replace(
                before,
                places=_settled(before.places, found.places),
                categories=found.categories or before.categories,
                accounts=found.accounts or before.accounts,
                words=before.words or found.words,
                phone_given=before.phone_given or found.phone_given,
            )
        )


def _worded(text: str, mentions: Sequence[Mention]) -> list[tuple[int, int]]:
    """Where Chinese digits are parts of words."""
    spans = [(mention.start, mention.end) for mention in mentions if mention.end - mention.start > 1]
    return [(start, end) for start, end in spans if not CHINESE_DIGITS.keys().isdisjoint(text[start:end])]


def _codes(mention: Mention) -> list[str]:
    return [value for value in mention.values if isinstance(value, str)]


def _affirmed(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """All that is said, without what directly follows a "not"."""
    said: list[Mention] = []
    for before, mention in zip([None, *mentions], mentions, strict=False):
        denied = before is not None and before.role is Role.NOT and not text[before.end : mention.start].strip()
        if not (denied and mention.role in {Role.PLACE, Role.CATEGORY}):
            said.append(mention)
    return said


def _intent(roles: set[Role], *, has_category: bool, has_account: bool) -> Intent:
    """What a message is about, by the words in it."""
    if Role.BRANCH in roles and not has_account:
        return Intent.BRANCHES
    if has_category or has_account:
        return Intent.PAY
    rules = [
        ({Role.BANK}, Intent.BRANCHES),
        ({Role.CURRENCY}, Intent.FX),
        ({Role.RATE}, Intent.FX),
        ({Role.HELP}, Intent.HELP),
        ({Role.PLACE}, Intent.PAY),
        ({Role.PAY}, Intent.PAY),
        ({Role.THANKS}, Intent.THANKS),
        ({Role.GREETING}, Intent.HELP),
    ]
    return next((intent for wanted, intent in rules if wanted & roles), Intent.UNCLEAR)


def _currencies(said: Sequence[Mention]) -> tuple[str, ...]:
    return tuple(sorted({code for mention in said if mention.role is Role.CURRENCY for code in _codes(mention)}))


def _leftover(text: str, mentions: Sequence[Mention], runs: Sequence[Run]) -> str:
    """Words of two and more letters that are nothing known."""
    rest = list(text)
    for start, end in [*((m.start, m.end) for m in mentions), *((run.start, run.end) for run in runs)]:
        rest[start:end] = " " * (end - start)
    letters = "".join(c if is_chinese(c) or (c.isascii() and c.isalpha()) else " " for c in rest)
    return " ".join(word for word in letters.split() if len(word) > 1)[:40]


def _choose(answer: str, before: Reading) -> Reading | None:
    """The reading with the option that the answer names by its number, as in 2 or 第二个."""
    picked = _CHOICE.fullmatch(answer.strip())
    if picked is None:
        return None
    index = _PICKED.find(picked[1]) if picked[1] in _PICKED else int(picked[1]) - 1
    if before.ask is Ask.PLACE and index < len(before.places):
        return replace(before, places=(before.places[index],))
    if before.ask is Ask.CATEGORY and index < len(before.categories):
        return replace(before, categories=(before.categories[index],))
    if before.ask is Ask.ACCOUNT and index < len(before.accounts):
        return replace(before, accounts=(before.accounts[index],))
    return None


def _settled(before: tuple[Place, ...], answer: tuple[Place, ...]) -> tuple[Place, ...]:
    """The place after an answer: one of those in question, if it names one; else what it says."""
    if not answer or not before:
        return answer or before
    related = narrow(before, answer)
    return related if len(related) < len(before) + len(answer) and len(before) > 1 else answer


def _for_branches(found: Reading, before: Reading) -> Reading:
    """Where a branch is wanted, once the writer says where; any other wish is read for itself."""
    where = found.places or found.position or found.words
    if not where or found.intent not in {Intent.PAY, Intent.UNCLEAR, Intent.BRANCHES} or found.categories:
        return found
    return replace(
        before, places=_settled(before.places, found.places), words=found.words or before.words, position=found.position
    )
