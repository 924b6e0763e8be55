"""Sentences about amendments: why a change breaks or not, what stays open, and what the verdict rests
on. Nothing reads them back.
"""

from collections.abc import Mapping

WHY: Mapping[str, str] = {
    "clause": "",
    "still_allowed": "by the schemas as wholes every request that was allowed still is",
    "allowed_before": "by the schemas as wholes every answer that is allowed was allowed before",
    "whole_schema": "the schemas as wholes differ in what they allow",
    "cannot_be_compared": "whether the older and the newer clause allow the same cannot be told",
    "never_promised": "it was never promised, but consumers may have come to need it; live traffic tells",
    "sent_in_vain": "who still sends it is not heard; live traffic tells whether anybody does",
    "provider_must_show": "whether the provider does this, only it or live traffic can show",
    "answers_break": "live answers or messages do not keep it",
    "answers_keep": "live answers or messages keep it",
    "received_today": "it was never promised, and live consumers receive it",
    "sent_today": "live calls send it, and nothing heeds it from then on",
    "nobody_receives": "it was never promised, and of the live answers none holds it",
    "nobody_sends": "of the live calls none sends it",
    "values_sent": "live calls send values that are not allowed any more",
    "values_not_sent": "no live call sends a value that is not allowed any more",
    "closed_before": "the older revision allowed no other field; consumers that refuse what they do not know break",
    "another_word": "the words of before stay and others may come; consumers that take no word they do not know break",
    "forward_kept": "by the registries' rules (FORWARD) who has the older revision reads what the newer one writes",
    "backward_kept": "by the registries' rules (BACKWARD) who has the newer revision reads what the older one wrote",
    "forward_broken": "by the registries' rules (FORWARD) who has the older revision cannot read what the newer one writes; consumers change first",
    "backward_broken": "by the registries' rules (BACKWARD) who has the newer revision cannot read what the older one wrote; producers change first, and records that are kept stay unread",
    "default_changed": "whoever leaves it out is understood otherwise",
}
"""Why a change bears as it does, as a sentence; empty where the clause says it."""
UNSETTLED: Mapping[str, str] = {
    "another_example": "another example may have been meant",
    "header_unseen": "no log shows this header, and logs may show some headers only",
    "request_header_unkept": "which headers and cookies requests have is not kept",
    "header_value": "texts of headers are not kept",
    "hidden": "what is kept of payloads does not tell such clauses",
    "payload_unseen": "a part of such payloads was not looked at",
    "unmarked": "no marks were taken of such payloads",
    "value": "marks do not tell what is asked of the value",
}
"""Why what is kept of live payloads does not settle a change."""
BASES: Mapping[str, str] = {
    "no_traffic": "nothing live was seen to judge by",
    "left_open": "what was live does not settle all that the documents leave open",
    "documents": "by the documents",
    "live_calls": "live calls show it",
}
"""What the verdict of an amendment rests on."""
