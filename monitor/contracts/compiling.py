"""Schemas of one document, named by pointers, into one validator of jsonschema-rs, offline."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jsonschema_rs as engine

from monitor.contracts.broken import ROOT
from monitor.contracts.identified import absolute, apart
from monitor.contracts.limits import ContractLimits
from monitor.errors import ContractError

Draft = Literal["4", "6", "7", "2019-09", "2020-12"]

_CLASSES: Mapping[Draft, type[engine.Validator]] = {
    "4": engine.Draft4Validator,
    "6": engine.Draft6Validator,
    "7": engine.Draft7Validator,
    "2019-09": engine.Draft201909Validator,
    "2020-12": engine.Draft202012Validator,
}
NUMBERS: Mapping[Draft, int] = {
    "4": engine.Draft4,
    "6": engine.Draft6,
    "7": engine.Draft7,
    "2019-09": engine.Draft201909,
    "2020-12": engine.Draft202012,
}


@dataclass(frozen=True, slots=True)
class Compiler:
    """How the schemas of one document are compiled. `words` are the keys that stand anywhere in
    it.
    """

    draft: Draft
    where: str
    formats: Mapping[str, Any]
    resources: Mapping[str, Any]
    assert_formats: bool
    limits: ContractLimits
    words: Container[str]

    def validator(self, document: Any, pointers: Sequence[str]) -> engine.Validator:
        """Of the document, or a piece of it: each schema is a property of the root, named by its
        number. The pointer "" stands alone: then the document is the schema.

        Raises ContractError, naming the first schema that cannot be used.
        """
        registry: engine.Registry | None = None
        stood: dict[str, str] = {}
        try:
            if "" not in pointers:
                document, resources, stood = apart(document, ROOT, self.words)
                registry = engine.Registry(
                    [(ROOT, document), *resources], draft=NUMBERS[self.draft]
                )
            return self._validator(document, registry, pointers, stood)
        except (engine.ReferencingError, ValueError) as error:
            pointer = (
                ""
                if registry is None or not pointers
                else self._culprit(document, registry, pointers, stood)
            )
            raise ContractError(
                f"{self.where}: the schema at {pointer or '/'} cannot be used: {_first_line(error)}",
                pointer,
            ) from None

    def _validator(
        self,
        document: Any,
        registry: engine.Registry | None,
        pointers: Sequence[str],
        stood: dict[str, str],
    ) -> engine.Validator:
        schema = document
        if registry is not None:
            named = {
                str(number): {"$ref": absolute(pointer, stood, ROOT)}
                for number, pointer in enumerate(pointers)
            }
            schema = {"properties": named}
        says_draft = registry is None and isinstance(schema, dict) and "$schema" in schema
        make = engine.validator_for if says_draft else _CLASSES[self.draft]
        return make(
            schema,
            registry=registry,
            retriever=self._resource if self.resources else None,
            offline=not self.resources,
            validate_formats=self.assert_formats or None,
            formats=dict(self.formats) or None,
            pattern_options=engine.FancyRegexOptions(
                self.limits.regex_backtracks, self.limits.regex_bytes, self.limits.regex_bytes
            ),
        )

    def _culprit(
        self,
        document: Any,
        registry: engine.Registry,
        pointers: Sequence[str],
        stood: dict[str, str],
    ) -> str:
        """The first schema that cannot be used, by halving."""
        while len(pointers) > 1:
            half = pointers[: len(pointers) // 2]
            try:
                self._validator(document, registry, half, stood)
            except (engine.ReferencingError, ValueError):
                pointers = half
            else:
                pointers = pointers[len(half) :]
        return pointers[0]

    def _resource(self, uri: str) -> Any:
        """Only what was published with the contract; there is no network."""
        if uri not in self.resources:
            raise KeyError(uri)
        return self.resources[uri]


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]
