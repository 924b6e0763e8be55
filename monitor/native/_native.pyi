from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

VERSION: str
LEFT: int
TAKEN: int
PANICKED: int

class Vocabulary:
    def __init__(
        self, names: Sequence[tuple[str, str]], error_type: str, failure: str, linked: str
    ) -> None: ...

class Reader:
    def __init__(
        self,
        vocabulary: Vocabulary,
        resource: Callable[[bytes, bool], int],
        template: Callable[[str], str],
        cut_down: Callable[[str, str, bool], str],
    ) -> None: ...
    def protobuf(self, record: int, latest_ns: int, value: bytes) -> int: ...
    def json(self, record: int, latest_ns: int, value: bytes) -> int: ...
    def fail(self, record: int) -> int: ...
    def gathered(self) -> Gathered: ...

class Gathered:
    rows: tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]
    kind: bytes
    status: bytes
    words: bytes
    tracestate: bytes
    inner: tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]
    word_list: list[tuple[object, ...]]
    tracestates: list[str]
    links: list[tuple[int, bytes, bytes]]
    bodies: list[tuple[int, bytes, list[bytes]]]
    counts: list[tuple[int, int, int, int]]
    reasons: list[tuple[int, str, int]]
    clamped: int

class Proofs:
    def __init__(
        self, ask: Callable[[int], Mapping[str, object]], marks: Sequence[str]
    ) -> None: ...
    def kept(self, root: int, body: str | bytes) -> int: ...

class Pattern:
    def __init__(self, text: str) -> None: ...
    def found(self, text: str) -> bool | None: ...

class Exchanges:
    def __init__(
        self,
        make: Callable[..., object],
        alike: Callable[[bytes], tuple[object, ...] | None],
        name: Callable[[str], tuple[str, int]],
        cookies: Callable[[str], str],
        redacted: str,
        few: Sequence[str],
    ) -> None: ...
    def learn(self, keys: Sequence[str]) -> None: ...
    def read(
        self, value: bytes, source_id: str, partition: int, offset: int, record_ms: int
    ) -> object: ...

class Walks:
    def __init__(
        self,
        names: Sequence[str],
        data: Sequence[str],
        aside: Sequence[str],
        references: Sequence[str],
    ) -> None: ...
    def within(self, document: object, nodes: int, depth: int) -> bool: ...
    def look(
        self, document: object
    ) -> tuple[frozenset[str], frozenset[str], int, int, int, bool] | None: ...
    def references(self, node: object, most: int) -> tuple[set[str], int] | None: ...
    def holding(
        self,
        document: object,
        wanted: Collection[str],
        formats: Collection[str],
        ids: Collection[int],
    ) -> set[int] | None: ...

class Growth:
    def __init__(
        self,
        uses: Sequence[tuple[str, str]],
        deepest: int,
        most_merged: int,
        longest_chain: int,
    ) -> None: ...
    def allowed_depth(
        self, document: object, work: int, resolve: Callable[[str], object]
    ) -> int | None: ...
    def within(
        self,
        document: object,
        payloads: Sequence[tuple[dict[str, object], object]],
        most: int,
        work: int,
        resolve: Callable[[str], object],
    ) -> list[bool] | None: ...

class Objects:
    def __init__(
        self,
        names: Sequence[str],
        data: Sequence[str],
        aside: Sequence[str],
        wanted: Sequence[str],
    ) -> None: ...
    def of(self, document: object) -> list[tuple[dict[str, object], str]] | None: ...

class Keywords:
    def __init__(
        self,
        maps: Sequence[str],
        lists: Sequence[str],
        alone: Sequence[str],
        known: Sequence[str],
        beside: Sequence[str],
        formats: Sequence[str],
    ) -> None: ...
    def odd(
        self, schemas: list[tuple[object, str]], nullable: bool
    ) -> list[tuple[dict[str, object], str]] | None: ...

class Usable:
    def __init__(self, asks: Sequence[tuple[str, str]], truths: bool) -> None: ...
    def unsure(
        self,
        document: dict[str, object],
        pointers: Sequence[str],
        patterns: set[str],
    ) -> list[int]: ...

class Outlines:
    def __init__(
        self,
        limits: tuple[int, int, int, int],
        is_mask: Callable[[str, bool], bool],
        text_marks: Callable[[str, bool, float | None], Sequence[str]],
        number_marks: Callable[[float, bool], Sequence[str]],
        spoken: Sequence[str],
    ) -> None: ...
    def of(
        self, value: object, marks: Marks | None, masked: bool, at: float | None
    ) -> tuple[str, list[tuple[str, str]]] | None: ...
    def of_text(
        self, body: str | bytes, marks: Marks | None, masked: bool, at: float | None
    ) -> tuple[str, list[tuple[str, str]]] | None: ...

class Marks:
    def __init__(self) -> None: ...
    def items(self) -> list[tuple[str, int]]: ...

def shape_text(body: str | bytes, limits: tuple[int, int, int]) -> str | None: ...
def lines_of(text: str, pointers: Sequence[str], depth: int) -> list[int] | None: ...
def lookup(
    keys: NDArray[np.uint64], wanted: NDArray[np.uint64], rows: NDArray[np.int64]
) -> None: ...
def firsts(keys: NDArray[np.uint64], rows: NDArray[np.int64]) -> None: ...
def mix(columns: Sequence[NDArray[np.uint64]], state: NDArray[np.uint64]) -> None: ...
def gather(
    table: NDArray[np.int32],
    places: NDArray[np.signedinteger],
    target: NDArray[np.signedinteger],
) -> None: ...
def busy(
    trace: NDArray[np.uint64],
    words: Sequence[NDArray[np.int32]],
    start: NDArray[np.uint64],
    end: NDArray[np.uint64],
    own: NDArray[np.int64],
    other: NDArray[np.int64],
    busy: NDArray[np.int64],
) -> None: ...
def sums(
    parts: Sequence[
        tuple[
            Sequence[NDArray[np.int32]],
            Sequence[NDArray[np.uint8]],
            Sequence[NDArray[np.int64]],
            NDArray[np.float64],
            NDArray[np.uint64],
        ]
    ],
    meanings: tuple[Sequence[int], Sequence[int], int, Sequence[int]],
) -> tuple[
    bytes,
    bytes,
    bytes,
    bytes,
    Sequence[tuple[bytes, bytes, bytes]],
    Sequence[tuple[bytes, bytes, bytes]],
    tuple[bytes, bytes],
    tuple[bytes, bytes],
]: ...
def read_alike(text: str, depth: int) -> bool: ...
def records(
    unpacked: bytes, count: int
) -> (
    list[tuple[int, int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]] | None
): ...
