"""Releases of public APIs whose own maintainers say of each section whether it breaks, judged by
`contracts diff`, by `contracts amend` with calls whose answers and queries hold every field that the
older document shows, and by oasdiff beside them.

python -m tests.bench.declared_breaks REPOSITORY [--of NAME] [--half HALF] [--oasdiff PROGRAM]
    [--most N] [--out FILE]

REPOSITORY is a clone with its history:

* `twilio`, https://github.com/twilio/twilio-oai: its CHANGES.md has a section for each product and
  marks a line "**(breaking change)**".
* `plaid`, https://github.com/plaid/plaid-openapi: its CHANGELOG.md marks a line "[Breaking]". A pair
  is one path in two commits that follow each other, of which some line tells: by name, or by the
  name of a schema that at most six paths use. Lines that break a client library only are left out,
  and the paths that they reach. A commit's pairs are all looked at, or all held back.
* `xero`, https://github.com/XeroAPI/Xero-OpenAPI: a pair is a release and the one before, of all
  its documents. It is declared breaking where the first number of its version grew; 15.0.0 is left
  out, since it only took a document away. Since the end of 2025 its pull requests must declare what
  oasdiff tells.

The pairs stand in declared_breaks.json by commit and file; no document is kept here. What is marked
is taken as breaking, what is not as not: maintainers overlook some.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml

from monitor.contracts.affected import Replay
from monitor.contracts.amendment import WORST_FIRST, bearing_of, weighed
from monitor.contracts.change import Read
from monitor.contracts.form import Operation
from monitor.contracts.read import document_of, read_contract
from monitor.contracts.refs import resolve
from monitor.contracts.shape import number_of
from monitor.contracts.skeleton import Skeleton
from monitor.errors import ContractError
from monitor.joining.amending import judged

PAIRS = Path(__file__).with_name("declared_breaks.json")
LOOKED_AT = 1_000
"""So many answers of each operation and status: what none shows is surely below 1 %."""
_DEEPEST = 12
_PROSE = frozenset("description summary title version example examples".split())
Word = Literal["breaking", "undecided", "compatible"]


def texts(repository: Path, pair: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each document of a pair, before and after."""
    for file in pair["files"]:
        was, now = (_shown(repository, pair[word], file) for word in ("before", "after"))
        path = pair.get("path")
        yield (cut(was, path), cut(now, path)) if path else (json.dumps(was), json.dumps(now))


@lru_cache(maxsize=2)
def _shown(repository: Path, commit: str, file: str) -> Any:
    asked = ["git", "-C", str(repository), "show", f"{commit}:{file}"]
    text = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return (
        yaml.load(text, Loader=_NoDates) if file.endswith((".yml", ".yaml")) else json.loads(text)
    )


class _NoDates(yaml.CSafeLoader):
    """A date is the text that it is written as, as in JSON."""

    yaml_implicit_resolvers: ClassVar = {
        first: [it for it in told if it[0] != "tag:yaml.org,2002:timestamp"]
        for first, told in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def cut(document: Mapping[str, Any], path: str) -> str:
    """A document of one path, and of what that refers to."""
    paths = {path: document["paths"][path]} if path in document["paths"] else {}
    parts: dict[str, dict[str, Any]] = {}
    todo = list(_refers(paths))
    while todo:
        kind, name = todo.pop().removeprefix("#/components/").split("/")
        if name not in parts.setdefault(kind, {}):
            parts[kind][name] = document["components"][kind][name]
            todo += _refers(parts[kind][name])
    parts["securitySchemes"] = document["components"].get("securitySchemes", {})
    return json.dumps({**document, "paths": paths, "components": parts})


def _refers(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for below in node.values():
            yield from _refers(below)
    elif isinstance(node, list):
        for below in node:
            yield from _refers(below)


def differ(before: str, after: str) -> bool:
    """Whether more than prose, examples and the document's version changed."""
    was, now = (_bare(json.loads(text)) for text in (before, after))
    return bool(was != now)


def _bare(node: Any) -> Any:
    if isinstance(node, list):
        return [_bare(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _bare(part)
        for name, part in node.items()
        if name not in _PROSE or isinstance(part, dict)
        if not name.startswith("x-")
    }


def ours(before: str, after: str) -> tuple[Word, Word]:
    """By the documents, and with live answers beside them. Of one that is refused nothing is known."""
    try:
        old, new = (
            Read(document_of(text, where="it"), read_contract("openapi", text, where="it"))
            for text in (before, after)
        )
    except ContractError as error:
        print(f"  refused: {error}"[:200])
        return "undecided", "undecided"
    rows = weighed(old, new)
    if not rows:
        return "compatible", "compatible"
    live = [*answers(old), *queries(old)]
    return bearing_of(rows), judged(rows, Replay(old, new, rows), live).result


def answers(old: Read) -> Iterator[dict[str, Any]]:
    """Rows of shapes as if every answer with success held all that the document shows."""
    for operation in old.promise.operations:
        for status, answer in operation.responses.items():
            content = resolve(dict(old.document), f"#{operation.clause}/responses/{status}", "")
            for media, told in _map(_map(content).get("content")).items():
                if not status.startswith("2") or "json" not in media or answer is None:
                    continue
                value = _whole(old.document, told.get("schema"), 0)
                yield _row(operation, int(status), "response", media, value)


def queries(old: Read) -> Iterator[dict[str, Any]]:
    """The same of queries; forms in bodies are not looked at live, and so not here."""
    for operation in old.promise.operations:
        names = [part.name for part in operation.parameters if part.place == "query"]
        yield _row(operation, 200, "query", "", dict.fromkeys(names, "text"))


def _row(operation: Operation, status: int, side: str, media: str, value: Any) -> dict[str, Any]:
    text = Skeleton(value, marked=False).text
    return {
        "environment": "", "protocol": "http", "status": status, "side": side, "media": media,
        "operation": f"{operation.method} {operation.route}", "callee": "it", "caller": "consumer", "caller_namespace": "",
        "caller_version": "1", "callee_version": "1", "shape": number_of(text), "text": text,
        "looked_at": LOOKED_AT, "stands_for": LOOKED_AT,
    }  # fmt: skip


def _whole(document: Mapping[str, Any], schema: Any, deep: int) -> Any:
    """A value with all fields that a schema shows."""
    schema = _map(schema)
    if deep > _DEEPEST:
        return None
    if isinstance(schema.get("$ref"), str):
        try:
            return _whole(document, resolve(dict(document), schema["$ref"], ""), deep + 1)
        except ContractError:
            return None
    parts = [_whole(document, part, deep + 1) for part in schema.get("allOf", ())]
    choice = next((it for word in ("oneOf", "anyOf") for it in schema.get(word, ())), None)
    if choice is not None:
        parts.append(_whole(document, choice, deep + 1))
    fields: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, dict):
            return part
        fields |= part
    fields |= {
        name: _whole(document, below, deep + 1)
        for name, below in _map(schema.get("properties")).items()
    }
    kind = schema.get("type")
    kind = next((it for it in kind if it != "null"), None) if isinstance(kind, list) else kind
    if fields or kind == "object":
        return fields
    if kind == "array":
        return [_whole(document, schema.get("items"), deep + 1)]
    return {"integer": 1, "number": 1.5, "boolean": True}.get(str(kind), "text")


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def theirs(program: str, before: str, after: str) -> str:
    """The worst level that oasdiff tells of a pair: ERR, WARN or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{name}.json") for name in ("before", "after")]
        for file, text in zip(files, (before, after), strict=True):
            file.write_text(text)
        asked = [program, "breaking", *map(str, files), "-f", "json"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
    if told.returncode not in (0, 1):
        return "failed"
    levels = {change["level"] for change in json.loads(told.stdout or "[]") or []}
    return "ERR" if 3 in levels else "WARN" if 2 in levels else "nothing"


def main() -> None:
    """Judge the pairs, and print how often each told what was declared."""
    parser = argparse.ArgumentParser()
    parser.add_argument("repository", type=Path)
    parser.add_argument(
        "--of", choices=("twilio", "plaid", "xero"), default="twilio", help="whose clone"
    )
    parser.add_argument("--half", choices=("looked at", "held back"), help="only those pairs")
    parser.add_argument("--oasdiff", default="", help="the program; not asked without")
    parser.add_argument("--most", type=int, default=1_000, help="pairs")
    parser.add_argument("--out", type=Path, help="write what was told of each pair there")
    asked = parser.parse_args()
    counted = Counter[tuple[bool, str, Word, Word]]()
    lines: list[dict[str, Any]] = []
    unchanged = Counter[bool]()
    began = time.process_time()
    pairs = json.loads(PAIRS.read_text())[asked.of]
    for pair in [it for it in pairs if asked.half in (None, it.get("half"))][: asked.most]:
        shown = list(texts(asked.repository, pair))
        shown = [documents for documents in shown if differ(*documents)]
        if not shown:
            unchanged[pair["breaking"]] += 1
            continue
        told = [ours(*documents) for documents in shown]
        by_documents, with_live = (
            next(word for word in WORST_FIRST if any(it[at] == word for it in told))
            for at in (0, 1)
        )
        levels = {theirs(asked.oasdiff, *it) for it in shown} if asked.oasdiff else {"-"}
        level = next(it for it in ("ERR", "WARN", "nothing", "failed", "-") if it in levels)
        counted[(pair["breaking"], level, by_documents, with_live)] += 1
        lines.append({**pair, "oasdiff": level, "diff": by_documents, "amend": with_live})
        if asked.out:
            asked.out.write_text(json.dumps(lines, indent=1))
    report(counted)
    print(
        f"  left out, since the documents tell nothing of it: {unchanged[True]} declared breaking, "
        f"{unchanged[False]} others"
    )
    print(f"  ours took {time.process_time() - began:.0f} CPU s")


def report(counted: Counter[tuple[bool, str, Word, Word]]) -> None:
    """What was told of pairs that are declared breaking, and of the others."""
    for breaking in (True, False):
        whole = sum(count for key, count in counted.items() if key[0] == breaking)
        print(f"{whole} pairs {'declared breaking' if breaking else 'not declared so'}")
        for at, name in ((1, "oasdiff"), (2, "contracts diff"), (3, "contracts amend")):
            words = Counter[str]()
            for key, count in counted.items():
                words[str(key[at])] += count if key[0] == breaking else 0
            print(
                f"  {name:16}" + ", ".join(f"{word} {count}" for word, count in (+words).items())
            )
        both = Counter[tuple[bool, bool]]()
        for key, count in counted.items():
            both[(key[1] == "ERR", key[3] == "breaking")] += count if key[0] == breaking else 0
        print(f"  paired: both break {both[True, True]}, amend alone {both[False, True]}, "
              f"oasdiff alone {both[True, False]}, neither {both[False, False]}")  # fmt: skip


if __name__ == "__main__":
    main()
