"""The child process: llama.cpp's OpenAI-compatible server. A script that nothing imports; it needs only xllamacpp.

Its orders are one line of JSON on stdin, so that the key stands neither in the process list nor in the environment.
Its answer is one line on stdout: the address it listens on, or what went wrong. It ends when stdin closes or when its
parent is gone. (Linux's parent-death signal would not do: it follows the thread that started us, not the process.)
"""

import json
import os
import signal
import sys
import threading
from typing import Any

LOG_LIMIT = 1_000_000


def main() -> None:
    """Serves until the parent ends it or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to understand
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # llama.cpp prints; stderr is the log
    orders = json.loads(sys.stdin.readline())
    try:
        server = serve(orders)
    except Exception as error:  # whatever it is, the parent turns it into its own error
        answer = {"problem": str(error) or type(error).__name__}
    else:
        answer = {"address": server.listening_address}
    report.write(json.dumps(answer) + "\n")
    report.close()
    if "address" in answer:
        wait_for_parent(orders["parent"])
    os._exit(0 if "address" in answer else 1)  # llama.cpp's threads have nothing to finish


def serve(orders: dict[str, Any]) -> Any:
    """A server that answers by the time this returns. Raises RuntimeError when llama.cpp cannot."""
    import xllamacpp  # type: ignore[import-untyped, unused-ignore]  # it has no types

    params = xllamacpp.CommonParams()
    params.model.path = orders["path"]
    params.model_alias = {orders["name"]}  # else answers name the file's path
    params.hostnames = [orders["host"]]
    params.port = orders["port"]  # 0: the kernel chooses
    params.api_keys = [orders["key"]]
    params.cors_origins = ""  # no web page has business here
    params.ui = False
    params.endpoint_slots = False
    params.n_threads_http = 16

    params.n_parallel = orders["slots"]
    params.n_ctx = orders["context_window"] * orders["slots"]
    params.n_batch = params.n_ubatch = orders["context_window"]  # a text to embed must fit one batch
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cache_ram_mib = 0  # else up to 8 GB of finished prompts
    params.fit_params = False  # else llama.cpp may make the context smaller than promised

    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    # What SmolLM2's authors advise; without the penalty a model this small repeats itself.
    params.sampling.temp = 0.2
    params.sampling.top_p = 0.9
    params.sampling.penalty_repeat = 1.1
    params.verbosity = 1  # errors only
    return xllamacpp.Server(params)


def wait_for_parent(parent: int) -> None:
    """Returns when stdin closes, or when our parent is another: a fork of it may still hold the pipe."""
    closed = threading.Event()

    def read() -> None:
        sys.stdin.read()
        closed.set()

    threading.Thread(target=read, daemon=True).start()
    while not closed.wait(1.0) and os.getppid() == parent:
        if os.fstat(2).st_size > LOG_LIMIT:
            os.ftruncate(2, 0)


if __name__ == "__main__":
    main()
