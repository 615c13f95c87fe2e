"""What logs say reaches a terminal as plain text, and not at any length."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from simulated_history import Run, morning_after, write_performance_logs

from perflogs.__main__ import main
from perflogs.words import for_terminal, shortened


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain text, Grüße, 東京", "plain text, Grüße, 東京"),
        ("\x1b[31mred\x1b]0;title\x07", "?[31mred?]0;title?"),
        ("one\r\ntwo\tthree", "one  two three"),
        ("\x9b2J", "?2J"),
        ("user\u202egpj.exe\u2066", "user?gpj.exe?"),
        ("a\u2028b\u200bc", "a b?c"),
        ("\ud800", "?"),
    ],
)
def test_what_a_terminal_would_act_upon_is_replaced(said: str, shown: str) -> None:
    assert for_terminal(said) == shown


def test_markup_is_shown_as_it_is() -> None:
    console = Console(width=200, record=True, force_terminal=False)
    with console.capture() as captured:
        console.print(for_terminal("[red]x[/] \\[bold]"), highlight=False)

    assert captured.get() == "[red]x[/] \\[bold]\n"


@given(st.text())
def test_nothing_but_one_printable_line_is_left(said: str) -> None:
    assert for_terminal(said).isprintable()


def test_long_texts_are_cut() -> None:
    assert shortened("x" * 300) == "x" * 300
    cut = shortened("x" * 100_000)
    assert len(cut) == 300
    assert cut.endswith("...")


@pytest.mark.parametrize("command", ["check", "nodes"])
def test_a_page_shows_nothing_of_a_log_that_a_terminal_would_act_upon(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "\x1b]0;owned\x07" + " long" * 20_000
    failed = {"result": "fail", "fail_phase": "sanity", "fail_reason": reason, "figures": {}}
    runs = [
        Run(night=night, nodes=f"n{node}", **(failed if node == 3 else {}))
        for night in range(8)
        for node in range(8)
    ]
    write_performance_logs(tmp_path, runs)
    options = ["--as-of", str(morning_after(runs))] if command == "check" else []
    main([command, "--history", str(tmp_path), "--no-index", *options])
    page = capsys.readouterr().out
    assert "owned" in page
    assert all(line.isprintable() for line in page.splitlines())
    assert len(page) < 10_000
