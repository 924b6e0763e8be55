"""Settings: a TOML file, then SEAMWATCH_* variables, then flags, the later ones winning; nothing
unknown passes.

Parts never see `Settings`: whoever assembles them hands over the values.
"""

from monitor.config.groups import ReceiverSettings, Settings
from monitor.config.load import choices, known, layers, load, variable
from monitor.config.policy import policy_in, policy_of, policy_schema, read_policy

__all__ = [
    "ReceiverSettings",
    "Settings",
    "choices",
    "known",
    "layers",
    "load",
    "policy_in",
    "policy_of",
    "policy_schema",
    "read_policy",
    "variable",
]
