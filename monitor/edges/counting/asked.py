"""What a GraphQL endpoint was asked for, where not the server's span tells it but an internal one
below: as most instrumentations do.

Which of the internal spans count for a call follows from their windows and the call's alone, so
that it does not change with the windows that are closed together.
"""

import numpy as np

from monitor.edges.counting.frame import Column, Frame, Rows, Words
from monitor.edges.counting.joins import lookup, matches
from monitor.edges.limits import OTHER
from monitor.edges.messages import SAYS_QUESTION
from monitor.edges.names import with_question
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.spans import KIND_SERVER

_DEEPEST = 16
_LONG_NS = WINDOW_SECONDS * 10**9
_FARTHEST = 3600


def ask_servers(halves: Frame, words: Words, c: Rows, s: Rows, inner: Frame) -> None:
    """Call these servers by what they were asked for. `c` and `s` are the clients and servers of
    calls as rows of halves, `inner` the internal spans of their traces.

    A server that tells it itself keeps its word. Of several questions below one server the first
    counts, by start and then by span id.
    """
    answers = np.flatnonzero((s >= 0) & (halves.at("kind", s) == KIND_SERVER))
    answers = answers[halves.at("step", s[answers]) != SAYS_QUESTION]
    c, s = c[answers], s[answers]
    call, question = _questions(halves, c, s, inner)
    server = s[call]
    order = np.lexsort((inner["span"][question].byteswap(), inner["start_ns"][question], server))
    server, question = server[order], question[order]
    first = np.append(True, server[1:] != server[:-1])[: len(server)]
    server, question = server[first], question[first]
    operations = halves["operation"].copy()
    operations[server] = _named(
        words, halves["protocol"][server], operations[server], inner["operation"][question]
    )
    halves.add("operation", operations)


def _questions(halves: Frame, c: Rows, s: Rows, inner: Frame) -> tuple[Rows, Rows]:
    """Calls, and internal spans that tell what was asked for below their servers."""
    since, until = _reach(halves, c, s)
    servers = halves.keys("own_trace", "own_span", "namespace", "service")[s]
    # of a span that was sent again with another end the later one counts
    kept = np.lexsort((inner["window"],))[::-1]
    spans = inner.keys("trace", "span", "namespace", "service")[kept]
    kept = kept[lookup(spans, spans) == np.arange(len(kept))]
    spans = inner.keys("trace", "span", "namespace", "service")[kept]
    above = inner.keys("trace", "parent", "namespace", "service")
    window = inner["window"].astype(np.int64)
    question = kept[inner["operation"][kept] != 0]
    at, oldest, newest = question, window[question], window[question]
    calls, questions = [], []
    for _ in range(_DEEPEST):
        below, call = matches(above[at], servers)
        fits = (oldest[below] >= since[call]) & (newest[below] <= until[call])
        calls.append(call[fits])
        questions.append(question[below[fits]])
        up = lookup(spans, above[at])
        further = np.flatnonzero(up >= 0)
        if not len(further):
            break
        question, at = question[further], kept[up[further]]
        oldest = np.minimum(oldest[further], window[at])
        newest = np.maximum(newest[further], window[at])
    return np.concatenate(calls), np.concatenate(questions)


def _reach(halves: Frame, c: Rows, s: Rows) -> tuple[Column, Column]:
    """From which window to which spans belong to each call: a window around that in which it is
    counted, and all through a span of its own that lasts a window or more.
    """
    at = np.where(c >= 0, halves.at("window", c), halves.at("window", s)).astype(np.int64)
    since, until = at - WINDOW_SECONDS, at + WINDOW_SECONDS
    for rows in (c, s):
        start, end = halves.at("start_ns", rows), halves.at("end_ns", rows)
        window = halves.at("window", rows).astype(np.int64)
        began = (start // np.uint64(_LONG_NS) * np.uint64(WINDOW_SECONDS)).astype(np.int64)
        began = np.maximum(began, window - _FARTHEST)
        long = (rows >= 0) & (end - start >= np.uint64(_LONG_NS))
        since = np.where(long, np.minimum(since, began - WINDOW_SECONDS), since)
        until = np.where(long, np.maximum(until, window + WINDOW_SECONDS), until)
    return since, until


def _named(words: Words, protocol: Column, operation: Column, question: Column) -> Column:
    """Operations with what was asked for. Beyond the limit of a service's names they are all
    one.
    """
    distinct, at = np.unique(
        np.stack([protocol, operation, question], axis=1), axis=0, return_inverse=True
    )
    texts = words.texts()
    named = []
    for row in distinct.tolist():
        spoken, wanted, asked = (texts[number] for number in row)
        named.append(OTHER if OTHER in (wanted, asked) else with_question(spoken, wanted, asked))
    numbers: Column = words.numbers(named)[at.ravel()]
    return numbers
