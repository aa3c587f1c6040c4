"""The one rule of what counts as an answer."""

from __future__ import annotations

from collections.abc import Collection

from modelplug.answers import Usage
from modelplug.errors import BadReply, CallFailed, ContentRefused, EmptyReply, StreamCut


def failure_of_end(
    finishes: Collection[str | None], *, something: bool, usage: Usage, partial: str | None = None
) -> CallFailed | None:
    """What is wrong with an answer that is over, None where nothing is.

    `finishes` holds the finish reason of each choice; `something` says whether there is anything to use in any.
    StreamCut where a finish reason is missing; EmptyReply for an answer with nothing in it; ContentRefused where a
    filter left nothing. An answer that is empty since its tokens went into hidden reasoning (`length`) stands.
    """
    failure: CallFailed
    if something:
        if finishes and None not in finishes:
            return None
        failure = StreamCut("the stream ended without a finish reason", partial=partial)
    elif "content_filter" in finishes:
        failure = ContentRefused("a content filter of the provider left nothing of the answer")
    elif "length" in finishes and usage.completion_tokens != 0:
        return None
    else:
        failure = empty_reply(
            "the provider reported success and sent an empty answer" if finishes else "the answer has nothing in it",
            usage,
        )
    if usage.source == "reported":
        failure.usage = usage
    return failure


def empty_reply(message: str, usage: Usage) -> BadReply:
    """An EmptyReply that carries what was reported: prompt tokens are billed for an empty answer too (CQ-68)."""
    failure = EmptyReply(message)
    if usage.source == "reported":
        failure.usage = usage
    return failure
