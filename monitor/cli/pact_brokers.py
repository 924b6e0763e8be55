"""The Pact Broker of the settings."""

from collections.abc import Callable

from monitor.cli.assembly import BROKER, House
from monitor.config.groups import ContractSettings
from monitor.errors import ConfigError
from monitor.joining.broker import PactBroker
from pipelines.broker import pacts


def asking(parts: House) -> Callable[[], None]:
    """What takes over what the broker has until `parts.stop` is set. ConfigError where none is
    set, or for what `pact_broker` refuses.
    """
    broker = pact_broker(parts.settings.contracts)
    if broker is None:
        raise ConfigError(
            "no Pact Broker is set: set SEAMWATCH_CONTRACTS_BROKER_URL (or contracts.broker_url)"
        )

    def ask() -> None:
        with parts.turn(BROKER).kept() as turn:
            pacts(
                broker,
                parts.engine,
                stop=parts.stop,
                turn=turn,
                board=parts.board,
                clock=parts.clock,
                tick_seconds=parts.settings.contracts.broker_seconds,
            )

    return ask


def pact_broker(settings: ContractSettings) -> PactBroker | None:
    """The Pact Broker that the settings name; None where none is. ConfigError for an address or a
    selection that cannot be read.
    """
    if not settings.broker_url:
        return None
    return PactBroker(
        settings.broker_url,
        token=settings.broker_token.get_secret_value(),
        username=settings.broker_username,
        password=settings.broker_password.get_secret_value(),
        select=settings.broker_select,
    )
