"""Rows about how a stream or an answer ends: well, cut, in silence, empty, or with an error inside."""

from __future__ import annotations

from modelplug_testkit.rows.row import BOTH, STREAM, WHOLE, Answered, Failed, Row, case
from modelplug_testkit.upstream import Close, Hold, Pause, Reset, drip
from modelplug_testkit.wire import DONE, FINISH, HELLO, LAST, STREAM_HEAD, USAGE, answer, chunk, frame, part, stream

OK = Answered()
PAGE = b"<!doctype html><html><head><title>Log in</title></head><body>Please log in</body></html>"
HTML = ("<", "doctype", "127.0.0.1")
CUT = Failed(error="StreamCut", kinds=("cut",), partial="hello")
STALL = Failed(error="TimedOut", kinds=("stall", "timeout"), partial="hello")
EMPTY = Failed(error="BadReply", kinds=("empty",))
PROMISED = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
BY_CODE = Failed(error="Unavailable", kinds=("stream_error", "upstream", "upstream_200"), partial="hello")

ENDINGS = (
    Row(id="CQ-04", what="no `[DONE]`", cases=(case(stream(HELLO, FINISH), OK, ways=STREAM),)),
    Row(
        id="CQ-05",
        what="the end without a finish reason",
        cases=(
            case(stream(HELLO), CUT, "end of body", ways=STREAM),
            case(stream(HELLO, DONE), CUT, "[DONE]", ways=STREAM),
            case(stream(HELLO, frame(chunk({"content": "wor"}))[:40]), CUT, "within an event", ways=STREAM),
        ),
    ),
    Row(
        id="CQ-06",
        what="the socket is held open after the finish reason",
        cases=(case([STREAM_HEAD, part(HELLO), part(FINISH), Hold], OK, ways=STREAM, within=3.0),),
    ),
    Row(
        id="CQ-07",
        what="silence within a stream",
        cases=(case([STREAM_HEAD, part(HELLO), Hold], STALL, ways=STREAM, timeout=1.5, within=2.5),),
    ),
    Row(
        id="CQ-19",
        what="the connection is reset within a stream",
        cases=(
            case([STREAM_HEAD, part(HELLO), Reset], CUT, ways=STREAM, tries=3, requests=1),
        ),
    ),
    Row(
        id="CQ-20",
        what="an error event with a code",
        cases=(
            case(stream(HELLO, frame({"error": {"message": "bad gateway", "code": 502}})), BY_CODE, ways=STREAM),
        ),
    ),
    Row(
        id="CQ-21",
        what="a finish reason `error`",
        cases=(
            case(
                stream(HELLO, frame(chunk(finish="error", error={"message": "bad gateway", "code": 502})), DONE),
                BY_CODE,
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-22",
        what="an event named `error`",
        cases=(
            case(
                stream(HELLO, b"event: error\n" + frame({"message": "boom"})),
                Failed(error="CallFailed", kinds=("stream_error", "upstream"), partial="hello"),
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-23",
        what="an error event that is only words",
        cases=(
            case(
                stream(HELLO, frame({"error": "Insufficient balance"})),
                Failed(error="QuotaExhausted", kinds=("quota",), partial="hello"),
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-24",
        what="an error in JSON in place of a stream",
        cases=(
            case(
                answer({"error": {"message": "bad gateway", "code": 502}}),
                Failed(error="Unavailable", kinds=("stream_error", "upstream", "upstream_200")),
                ways=STREAM,
            ),
        ),
    ),
    Row(
        id="CQ-25",
        what="a stream without an event but `[DONE]`",
        cases=(
            case(stream(DONE), EMPTY, "[DONE]", ways=STREAM),
            case(stream(), EMPTY, "nothing", ways=STREAM),
        ),
    ),
    Row(
        id="CQ-29",
        what="a login page, or nothing, for an answer",
        cases=(
            case(
                answer(PAGE, headers=[("content-type", "text/html")]),
                Failed(error="BadReply", kinds=("decode", "protocol"), hidden=HTML),
                "page",
            ),
            case(answer(b""), EMPTY, "nothing"),
        ),
    ),
    Row(
        id="F-4",
        what="closed or reset before the head",
        cases=tuple(
            case([end], Failed(error="Unreachable", kinds=("reset",), retryable=True), name)
            for name, end in (("closed", Close), ("reset", Reset))
        ),
    ),
    Row(
        id="F-5",
        what="a body that is shorter than promised",
        cases=tuple(
            case([PROMISED + b'{"id":', end], Failed(error="BadReply", kinds=("cut",)), name, ways=WHOLE)
            for name, end in (("closed", Close), ("reset", Reset))
        ),
    ),
    Row(
        id="F-6",
        what="a reset behind what a slow reader has not read",
        cases=(case([STREAM_HEAD, part(HELLO), Pause(0.05), Reset], CUT, ways=STREAM, requests=1, tries=3),),
    ),
    Row(
        id="F-7",
        what="a chunked body closed half-way",
        cases=(
            case(
                [STREAM_HEAD + part(b'{"id":'), Close], Failed(error="BadReply", kinds=("cut",)), ways=BOTH
            ),
        ),
    ),
    Row(
        id="F-8",
        what="a head that never comes, or drips",
        cases=(
            case([Hold], Failed(error="TimedOut", kinds=("timeout",)), "silence", timeout=1.0, within=2.0),
            case(
                [b"HTTP/1.1 200 OK\r\n", *drip(b"x: 1\r\n", 0.1, 50)],
                Failed(error="TimedOut", kinds=("timeout",)),
                "dripping",
                timeout=1.0,
                within=2.0,
            ),
        ),
    ),
    Row(
        id="F-9",
        what="a body that drips",
        cases=(
            case(
                [PROMISED, *drip(b" ", 0.1, 50)],
                Failed(error="TimedOut", kinds=("timeout", "stall")),
                timeout=1.0,
                within=2.0,
            ),
        ),
    ),
    Row(
        id="F-10",
        what="a stream that stalls is not tried again after its first chunk",
        cases=(
            case(
                [STREAM_HEAD, part(HELLO), Hold], STALL, ways=STREAM, timeout=1.5, within=2.5, tries=3, requests=1
            ),
        ),
    ),
    Row(
        id="F-11",
        what="comments for ever",
        cases=(
            case([STREAM_HEAD, part(HELLO), *drip(part(b": x\n\n"), 0.1, 60), Hold], STALL, ways=STREAM,
                 timeout=1.5, within=2.5),
        ),
    ),
    Row(
        id="F-34",
        what="an error on a bare line of a stream",
        cases=(
            case(stream(HELLO, b'{"error":{"message":"x","code":502}}\n\n'), BY_CODE, ways=STREAM),
        ),
    ),
    Row(
        id="F-35",
        what="a finish reason, and then no `[DONE]`: closed, reset",
        cases=tuple(
            case([STREAM_HEAD, part(HELLO + FINISH), end], OK, name, ways=STREAM)
            for name, end in (("closed", Close), ("reset", Reset))
        ),
    ),
    Row(
        id="F-36",
        what="closed without finish reason or `[DONE]`",
        cases=(case([STREAM_HEAD, part(HELLO), Close], CUT, ways=STREAM),),
    ),
    Row(
        id="F-37",
        what="a stream of zero bytes",
        cases=(
            case([b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"], EMPTY, "length 0", ways=STREAM),
            case([STREAM_HEAD, part(USAGE), LAST], EMPTY, "usage alone", ways=STREAM),
        ),
    ),
)  # fmt: skip
