"""What language models cost, and who may spend more. Money is in the currency of the configured prices."""

from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from onethread.contracts.agent import AgentConfig, Usage

_MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """For a million tokens."""

    input: float = 0.0
    output: float = 0.0

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input + output_tokens * self.output) / _MILLION


@dataclass
class _Account:
    """`told`: what conversation said last. `since`: what it had said when we began to count `ours`."""

    told: float = 0.0
    since: float = 0.0
    ours: float = 0.0
    reserved: float = 0.0

    def hear(self, told: float) -> None:
        if told < self.told:  # another month
            self.since, self.ours = told, 0.0
        self.told = told

    @property
    def spent(self) -> float:
        """What conversation knows lags behind by the calls of this process, and knows those of the others."""
        return max(self.told, self.since + self.ours)


class Spending:
    """By workspace. A call reserves the most that it can cost before it is made, so that a burst can't overrun."""

    def __init__(self) -> None:
        self._accounts: defaultdict[str, _Account] = defaultdict(_Account)

    @contextmanager
    def reserve(self, config: AgentConfig, most: float) -> Generator[list[Usage] | None]:
        """A list for what was used, or None where the month's budget does not hold `most` any more."""
        account = self._account(config)
        budget = config.settings.monthly_budget
        if budget is not None and account.spent + account.reserved + most > budget:
            yield None
            return
        account.reserved += most
        used: list[Usage] = []
        try:
            yield used
        finally:
            account.reserved -= most
            account.ours += sum(usage.cost for usage in used)

    def _account(self, config: AgentConfig) -> _Account:
        is_new = config.workspace not in self._accounts
        account = self._accounts[config.workspace]
        if is_new:
            account.since = config.spent
        account.hear(config.spent)
        return account
