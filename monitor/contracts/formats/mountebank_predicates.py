"""Mountebank's predicates to parts of a matcher. https://www.mbtest.dev/docs/api/predicates"""

from collections.abc import Mapping
from typing import Any, NoReturn

from monitor.contracts.form import Left
from monitor.contracts.formats.mountebank_values import (
    Compare,
    all_of_them,
    no_other,
    none_of_it,
    one_of_them,
    selected_by,
)
from monitor.contracts.matching.call import plain_path
from monitor.contracts.matching.jsonpath import Find, compile_path
from monitor.contracts.matching.parts import Part
from monitor.contracts.matching.patterns import literal_prefix
from monitor.contracts.matching.predicates import (
    See,
    asked_part,
    see_form,
    see_header,
    see_json,
    see_method,
    see_path,
    see_query,
    see_text,
)
from monitor.contracts.matching.work import MATCHER, Work
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_COMPARED = ("equals", "deepEquals", "contains", "startsWith", "endsWith", "matches", "exists")
_FIELDS = ("method", "path", "body", "query", "headers", "form")
_KEYED = ("query", "headers", "form")
_DEEPEST = 20


def refuse_code(word: str, where: str, pointer: str) -> NoReturn:
    """Raise ContractError: nobody can tell what code asks."""
    raise ContractError(
        f"{where}: {word} at {pointer} runs code and cannot be judged; take its stub out",
        pointer,
    )


class Predicates:
    """Compiles the predicates of one stub. What they ask for by name is told by `methods`, `path`
    and `prefix`, in lower case, with which every path begins that fits.
    """

    def __init__(self, work: Work, left: list[Left]) -> None:
        self._where = work.where
        self._work = work
        self._left = left
        self.methods: set[str] = set()
        self.path = ""
        self.prefix = ""

    @property
    def asks(self) -> str:
        """Method and path that are asked for by name."""
        method = next(iter(self.methods)) if len(self.methods) == 1 else ""
        return f"{method} {self.path}" if self.path else ""

    def part(self, predicate: Any, clause: str) -> Part:
        """What one predicate asks. Raises ContractError for what cannot be read, or runs code."""
        return self._part(predicate, clause, 0, top=True)

    def _part(self, predicate: Any, clause: str, depth: int, *, top: bool = False) -> Part:
        if not isinstance(predicate, dict) or depth > _DEEPEST:
            raise ContractError(
                f"{self._where}: the predicate at {clause} is no object, or nests too deep", clause
            )
        if "inject" in predicate:
            refuse_code("inject", self._where, f"{clause}/inject")
        if "xpath" in predicate:
            raise ContractError(
                f"{self._where}: xpath at {clause} is not offered; write the predicate on the body as text",
                f"{clause}/xpath",
            )
        for word in ("and", "or"):
            if isinstance(predicate.get(word), list):
                inner = [
                    self._part(
                        part, f"{clause}/{word}/{index}", depth + 1, top=top and word == "and"
                    )
                    for index, part in enumerate(predicate[word])
                ]
                return all_of_them(inner) if word == "and" else one_of_them(inner, clause)
        if isinstance(predicate.get("not"), dict):
            return none_of_it(self._part(predicate["not"], f"{clause}/not", depth + 1), clause)
        compared = next(
            (word for word in _COMPARED if isinstance(predicate.get(word), dict)), None
        )
        if compared is None:
            words = ", ".join((*_COMPARED, "not", "or", "and"))
            raise ContractError(
                f"{self._where}: the predicate at {clause} is none of {words}", clause
            )
        fields = predicate[compared]
        if top and "except" not in predicate:
            self._lead(compared, fields)
        if top and compared in ("equals", "deepEquals"):
            self._name(fields)
        find = self._selected(predicate, clause)
        return all_of_them(
            [
                self._field(
                    compared, name, value, predicate, find, f"{clause}/{compared}/{escaped(name)}"
                )
                for name, value in fields.items()
            ]
        )

    def _lead(self, compared: str, fields: Mapping[str, Any]) -> None:
        """What every path begins with that fits, where a predicate tells it."""
        path = fields.get("path")
        if not isinstance(path, str):
            return
        if compared in ("equals", "deepEquals", "startsWith"):
            self.prefix = plain_path(path).lower()
        elif compared == "matches" and path.startswith("^") and "%" not in path:
            self.prefix = literal_prefix(path)

    def _name(self, fields: Mapping[str, Any]) -> None:
        if isinstance(fields.get("method"), str):
            self.methods.add(fields["method"].upper())
        if isinstance(fields.get("path"), str):
            self.path = fields["path"]

    def _selected(self, predicate: dict[str, Any], clause: str) -> Find | None:
        path = predicate.get("jsonpath")
        if path is None:
            return None
        selector = path.get("selector") if isinstance(path, dict) else None
        if not isinstance(selector, str):
            raise ContractError(
                f"{self._where}: {clause}/jsonpath names no selector", f"{clause}/jsonpath"
            )
        try:
            exact = True in (predicate.get("caseSensitive"), predicate.get("keyCaseSensitive"))
            return compile_path(selector if exact else selector.lower())
        except ContractError as error:
            raise ContractError(f"{self._where}: {error}", f"{clause}/jsonpath") from None

    def _field(
        self,
        word: str,
        name: str,
        value: Any,
        predicate: dict[str, Any],
        find: Find | None,
        clause: str,
    ) -> Part:
        self._work.spend(MATCHER, clause)
        if name not in _FIELDS:
            said = f"{name[:40]} is in no log: whether a request is meant stays open"
            self._left.append(Left(clause, said))
            return asked_part(see_text, lambda _: None, word, "", clause)
        compare = Compare(word, predicate, clause, self._where)
        pointer = f"/{escaped(name)}"
        if name in _KEYED and isinstance(value, dict) and (name, word) != ("form", "deepEquals"):
            return self._keyed(compare, name, value, clause)
        if name == "body":
            if find is not None:
                see_found = selected_by(find, any_case=compare.keys_in_any_case)
                return asked_part(see_found, compare.some_of(value), word, "", clause)
            if isinstance(value, dict | list):
                return asked_part(
                    see_json,
                    lambda values: bool(values) and compare.tree(values[0], value),
                    word,
                    "",
                    clause,
                )
            return asked_part(see_text, compare.text(value), word, "", clause)
        if name == "form":
            self._left.append(
                Left(clause, "forms are not judged: whether a request is meant stays open")
            )
            return asked_part(see_text, lambda _: None, word, "", clause)
        see: See = see_method if name == "method" else see_path
        return asked_part(
            see,
            compare.text(
                plain_path(value)
                if name == "path" and isinstance(value, str) and word != "matches"
                else value
            ),
            word,
            pointer,
            clause,
        )

    def _keyed(
        self,
        compare: Compare,
        name: str,
        value: dict[str, Any],
        clause: str,
    ) -> Part:
        """Values by their keys: of the query, the headers, a form."""
        self._work.spend(MATCHER * len(value), clause)
        any_case = compare.keys_in_any_case
        if name == "headers" and not any_case:
            said = "no log keeps the case in which header names were sent: any case is taken"
            self._left.append(Left(clause, said))

        def see(key: str) -> See:
            if name == "headers":
                return see_header(key)
            return (see_query if name == "query" else see_form)(key, any_case=any_case)

        parts = [
            asked_part(
                see(key),
                compare.named(expected) if name == "headers" else compare.listed(expected),
                compare.word,
                f"/{escaped(name)}/{escaped(key)}",
                f"{clause}/{escaped(key)}",
            )
            for key, expected in value.items()
        ]
        if compare.word == "deepEquals" and name == "query":
            parts.append(no_other(frozenset(value), clause))
        return all_of_them(parts)
