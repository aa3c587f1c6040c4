"""What a person sees: conversations, tables, colours and the bar, on a pseudo-terminal."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from plugins.cli.tests.conftest import Terminal

Start = Callable[..., Terminal]
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


def test_a_conversation_remembers(terminal: Start) -> None:
    """Each question is asked with what was said before; Ctrl-D ends."""
    person = terminal("chat", "--system", "be kind")
    person.wait_for("Ctrl-D ends")
    person.wait_for("> ")
    person.type("one\r")
    person.wait_for("system: be kind\r\nuser: one\r\n")
    person.wait_for("> ")
    person.type("two\r")
    person.wait_for("user: one\r\nassistant: system: be kind\r\nuser: one\r\nuser: two\r\n")
    person.wait_for("> ")
    person.type(CTRL_D)
    assert person.end()[0] == 0


def test_ctrl_c_stops_the_answer_and_not_the_conversation(terminal: Start) -> None:
    """A stopped answer leaves what it had said in the conversation."""
    person = terminal("chat", "-m", "endless")
    person.wait_for("> ")
    person.type("go\r")
    person.wait_for("user: go")
    person.type(CTRL_C)
    person.wait_for("stopped")
    person.wait_for("> ")
    person.type("again\r")
    person.wait_for("assistant: user: go")
    person.type(CTRL_C)
    person.wait_for("> ")
    person.type(CTRL_D)
    assert person.end()[0] == 0


def test_ctrl_c_at_the_prompt_ends_nothing(terminal: Start) -> None:
    """It throws away the line and says how to end."""
    person = terminal("chat")
    person.wait_for("> ")
    person.type("half a li")
    person.wait_for("half a li")
    time.sleep(0.2)  # Python's readline loses a signal that comes just before it waits
    person.type(CTRL_C)
    person.wait_for("Ctrl-D ends")
    person.wait_for("> ")
    person.type("whole\r")
    person.wait_for("user: whole\r\n")


def test_an_error_ends_no_conversation(terminal: Start) -> None:
    """A failed call is one line, and the next question is asked without the failed one."""
    person = terminal("chat", "-m", "refusing")
    for _ in range(2):
        person.wait_for("> ")
        person.type("x\r")
        person.wait_for("too many requests in this minute\r\n")


def test_history_is_kept(terminal: Start, tmp_path: Path) -> None:
    """The up arrow brings a line of an earlier conversation; the file is for its owner alone."""
    first = terminal("chat")
    first.wait_for("> ")
    first.type("remember me\r")
    first.wait_for("user: remember me\r\n")
    first.wait_for("> ")
    first.type(CTRL_D)
    first.end()
    (history,) = (tmp_path / "home").rglob("history")
    assert history.stat().st_mode & 0o077 == 0
    second = terminal("chat")
    second.wait_for("> ")
    second.type(UP + "\r")
    second.wait_for("user: remember me\r\n")


def test_an_answer_never_steers_the_terminal(terminal: Start) -> None:
    """Control codes of a model are shown, not obeyed."""
    status, shown = terminal("chat", "-q", "-m", "wild", "x").end()
    assert status == 0
    assert shown == "caf\u00e9 \U0001f600\r\n\u241b[31mred\u241b[0m\ufffd end\r\n"


def test_a_prompt_on_a_terminal_is_asked_once(terminal: Start) -> None:
    """The answer, then the quiet line, dim."""
    status, shown = terminal("chat", "hi").end()
    assert status == 0
    assert re.fullmatch(r"user: hi\r\n\x1b\[2mtoy/echo · .*\x1b\[0m\r\n", shown)


def test_no_color_is_obeyed(terminal: Start) -> None:
    """With NO_COLOR, or on a dumb terminal, there is no escape code."""
    for variable in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in terminal("chat", "hi", **variable).end()[1]
        assert "\x1b" not in terminal("models", "list", **variable).end()[1]


def test_a_bar_shows_what_is_fetched(terminal: Start) -> None:
    """While the plugin of the model fetches, a bar is on stderr; it is gone when the answer begins."""
    person = terminal("chat", "-m", "fetched", "hi")
    person.wait_for("fetching the model")
    before = person.wait_for("user: hi\r\n")
    assert "/10.0 MB" in before
    assert person.end()[0] == 0


def test_a_table_fits_the_terminal(terminal: Start) -> None:
    """No line is longer than the window, and names stay whole."""
    for columns in (80, 120):
        shown = terminal("models", "list", "--all", columns=columns, NO_COLOR="1").end()[1]
        lines = shown.splitlines()
        assert max(map(len, lines)) <= columns
        assert lines[0].split() == ["MODEL", "PROVIDER", "CONTEXT", "$/M", "IN", "$/M", "OUT", "CAN"]
        assert any(line.startswith("far/one") and " 8.19k " in line for line in lines)


def test_a_narrow_window_spares_a_column(terminal: Start) -> None:
    """Where room is scarce the provider is left out, which ids begin with anyway; the last column is cut."""
    lines = terminal("models", "list", "--all", "far", columns=44, NO_COLOR="1").end()[1].splitlines()
    assert lines == ["MODEL    CONTEXT  $/M IN  $/M OUT  CAN", "far/one    8.19k       ?        ?  chat"]
