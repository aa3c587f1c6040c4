"""What an agent host calls its models through, on a Switchboard: a host moves over file by file.

Names and shapes are those of the host that this is written for: `make_llm_api_call`, a selector by tier, prices,
context windows, one bill for each call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import frozen
from modelplug import Call, CallFailed, Chunk, Credentials, Hooks, Model, ModelplugError, Reply, Switchboard, hookimpl


class LLMError(Exception):
    """What the host's users see: a stable kind, a safe message, and whether to try again."""

    def __init__(self, error: ModelplugError) -> None:
        super().__init__(error.message if isinstance(error, CallFailed) else str(error))
        self.kind: str = getattr(error, "kind", type(error).__name__)
        self.retryable: bool = getattr(error, "retryable", False)
        self.retry_after: float | None = getattr(error, "retry_after", None)
        self.partial: str | None = getattr(error, "partial", None)


@frozen(kw_only=True)
class Bill:
    """What one call is billed by: the local model's id, never the upstream's echo. None is unknown, and not zero.

    `source` says where the tokens are from (reported, estimated, absent), `cost` is US dollars. Prompt tokens hold the
    cached ones; nothing is counted twice. `seconds` are of the whole call, and until the first chunk of a stream.
    """

    call_id: str
    user: str | None
    model_id: str
    outcome: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    source: str
    cost: Decimal | None
    seconds: float
    first_chunk: float | None

    @classmethod
    def of(cls, call: Call) -> Bill:
        """The bill of a call that is over, however it ended."""
        usage = call.usage
        return cls(
            call_id=call.id,
            user=call.tenant,
            model_id=call.model_id,
            outcome=call.outcome,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            source=usage.source,
            cost=call.cost,
            seconds=call.seconds,
            first_chunk=call.first_chunk,
        )


class Billing(Hooks):
    """Tells of each call once, whether it was answered, failed, cancelled or left."""

    def __init__(self, settle: Callable[[Bill], object]) -> None:
        self._settle = settle

    @hookimpl
    def call_finished(self, call: Call) -> None:
        """One bill."""
        self._settle(Bill.of(call))


class LLM:
    """The host's models. `tiers` says which models a tier may call, by id or alias; "*" is all."""

    def __init__(
        self, board: Switchboard, *, tiers: Mapping[str, Sequence[str]], recommended: Sequence[str] = ()
    ) -> None:
        self.board = board
        self._tiers = {
            tier: None if "*" in names else {board.resolve(name).id for name in names} for tier, names in tiers.items()
        }
        self._recommended = [board.resolve(name).id for name in recommended]

    def resolve(self, name: str) -> Model:
        """The model of this id or alias. Raises LLMError, with close matches, for a name that is none."""
        try:
            return self.board.resolve(name)
        except ModelplugError as error:
            raise LLMError(error) from None

    def context_window(self, name: str) -> int | None:
        """Tokens, or None where nobody knows."""
        return self.resolve(name).context_window

    def prices(self, name: str) -> dict[str, Decimal | None]:
        """US dollars for a million tokens; None where nobody knows, which is not zero."""
        prices = self.resolve(name).prices
        return {
            "input": prices.input,
            "output": prices.output,
            "cached_read": prices.cached_input,
            "cache_write": prices.cache_write,
        }

    def sees_images(self, name: str) -> bool:
        """Whether it takes images."""
        return "vision" in self.resolve(name).capabilities

    def allowed(self, model: Model, tier: str) -> bool:
        """Whether this tier may call it."""
        ids = self._tiers.get(tier, set())
        return ids is None or model.id in ids

    def models_for(self, tier: str) -> list[dict[str, Any]]:
        """For the selector: allowed ones first, then by priority, then by name."""
        first = {model_id: len(self._recommended) - place for place, model_id in enumerate(self._recommended)}
        rows = [
            {
                "id": model.id,
                "name": model.name,
                "allowed": self.allowed(model, tier),
                "context_window": model.context_window,
                "capabilities": sorted(model.capabilities),
                "priority": first.get(model.id, 0),
                "recommended": model.id in first,
            }
            for model in self.board.models
            if model.enabled and self.board.ready(model)
        ]
        return sorted(rows, key=lambda row: (not row["allowed"], -row["priority"], row["name"].lower()))

    async def make_llm_api_call(
        self,
        messages: Sequence[Mapping[str, Any]],
        model_name: str,
        *,
        stream: bool = True,
        user: str | None = None,
        api_key: str | None = None,
        api_base: str | None = None,
        timeout: float | None = None,
        **params: Any,
    ) -> Reply | AsyncGenerator[Chunk, None]:
        """The answer, or its chunks: OpenAI's shapes, `chunk.choices[0].delta.content`, usage with the last of them.

        `user` has the board look up that user's key; `api_key` and `api_base` are for this call alone. Parameters that
        are None are left out, and so is a `tool_choice` without `tools`. Raises LLMError: what fails before the first
        chunk here, what fails later where the chunks are read. A host that leaves a stream early and keeps it closes it
        (`await chunks.aclose()`); one that drops it need not.
        """
        params = {name: value for name, value in params.items() if value is not None}
        if "tools" not in params:
            params.pop("tool_choice", None)
        call = {"tenant": user, "timeout": timeout, **params}
        try:
            if api_key is not None or api_base is not None:
                call["credentials"] = Credentials(api_key=api_key, api_base=api_base)
            if not stream:
                return await self.board.complete(model_name, messages, **call)
        except ModelplugError as error:
            raise LLMError(error) from None
        chunks = self._chunks(model_name, messages, call)
        return _with(await anext(chunks), chunks)

    async def _chunks(
        self, name: str, messages: Sequence[Mapping[str, Any]], call: Mapping[str, Any]
    ) -> AsyncGenerator[Chunk, None]:
        try:
            async with self.board.stream(name, messages, **call) as chunks:
                async for chunk in chunks:
                    yield chunk
        except ModelplugError as error:
            raise LLMError(error) from None


async def _with(first: Chunk, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
    try:
        yield first
        async for chunk in chunks:
            yield chunk
    finally:
        await chunks.aclose()


__all__ = ["LLM", "Bill", "Billing", "LLMError"]
