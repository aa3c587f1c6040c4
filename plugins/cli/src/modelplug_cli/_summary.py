"""The one quiet line after an answer."""

from __future__ import annotations

from decimal import Decimal

from modelplug import Call, Usage


def summary(call: Call) -> str:
    """Model, provider, strategy, seconds, tokens and cost of a call. What is unknown is said to be."""
    parts = [
        call.model_id,
        call.provider if call.provider == call.strategy else f"{call.provider} via {call.strategy}",
        _seconds(call),
        _tokens(call.usage),
        f"${dollars(call.cost)}" if call.cost is not None else "cost unknown",
    ]
    if len(call.attempts) > 1:
        parts.insert(3, f"{len(call.attempts)} attempts")
    if call.finish_reason not in (None, "stop"):
        parts.append(f"ended by {call.finish_reason}")
    return " · ".join(parts)


def _seconds(call: Call) -> str:
    first = "" if call.first_chunk is None else f"first {call.first_chunk:.2f} s, "
    return f"{first}all {call.seconds:.2f} s"


def _tokens(usage: Usage) -> str:
    if usage.source == "absent":
        return "tokens not reported"
    about = "about " if usage.source == "estimated" else ""
    return f"{about}{_count(usage.prompt_tokens)} → {_count(usage.completion_tokens)} tokens"


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"


def dollars(amount: Decimal) -> str:
    """An amount without needless zeros: 0, 2.5, 0.000123."""
    if amount and amount < 1:
        amount = round(amount, 2 - amount.adjusted())  # three digits that say something
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
