"""Collecting of cycles, seldom: what commands hold forms hardly any."""

import gc


def calm_collector() -> None:
    """Collect cycles seldom: a batch is some hundred thousand tuples that form none, and looking
    through them costs a tenth of decoding, and of judging from files.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
