"""A host in one page: load the plugins, list models, call one by alias, stream another answer, look at the metrics.

Run it with `.venv/bin/python examples/host.py`. It uses the embedded model; name another as the first argument.
"""

from __future__ import annotations

import asyncio
import sys

from modelplug import CallFailed, ModelplugError, Switchboard


async def main(name: str) -> int:
    """Ask the model twice. The exit status is 1 when it cannot be asked."""
    async with Switchboard.load() as board:
        for plugin in board.plugins:
            print(f"{plugin.name:10} {plugin.state:8} {plugin.reason or ''}")
        ready = [model.id for model in board.models if board.ready(model)]
        print(f"{len(board.models)} models, {len(ready)} of them can be called now")

        question = [{"role": "user", "content": "Say hello in one sentence."}]
        try:
            reply = await board.complete(name, question, max_tokens=40)
            print("answer:", reply.text)

            print("stream: ", end="")
            async with board.stream(name, question, max_tokens=40) as chunks:
                async for chunk in chunks:
                    print(chunk.text, end="", flush=True)
            call = chunks.reply.call
            print(
                f"\n{call.model_id}: {call.outcome} in {call.seconds:.2f} s, {call.usage.completion_tokens} tokens out"
            )
        except CallFailed as error:  # the call was made and failed: its kind, and whether to try again later
            print(f"failed ({error.kind}, {'try again' if error.retryable else 'do not repeat'}): {error}")
            return 1
        except ModelplugError as error:  # an unknown name, a missing key: it says what to do
            print(error)
            return 1

        board.flush()  # listeners are told from threads of their own
        metrics = board.plugin("metrics")
        if metrics is not None:
            for row in metrics.snapshot().rows:
                seen = row.all_time
                print(
                    f"metrics: {row.model}: {seen.calls} calls, {seen.ok} ok, {seen.output_tokens} tokens, ${seen.cost}"
                )
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "local")))
