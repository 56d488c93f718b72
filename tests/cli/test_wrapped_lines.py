"""Long lines of `gate doctor` and `gate init` on a terminal, and in a pipe."""

from __future__ import annotations

import os

import pytest

from gate.cli.terminal import print_wrapped

TEXT = "the policy requires approval by somebody who isn't able to approve"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (40, "  \033[33m⚠\033[0m the policy requires approval by\n    somebody who isn't able to approve\n"),
        (200, f"  \033[33m⚠\033[0m {TEXT}\n"),
        # A terminal whose size was never set reports 0.
        (0, f"  \033[33m⚠\033[0m {TEXT}\n"),
    ],
)
def test_lines_are_wrapped_at_spaces_below_the_text(
    columns: int, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((columns, 24)))
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1, raising=False)
    print_wrapped(TEXT, "  \033[33m⚠\033[0m ", 0)
    assert capsys.readouterr().out == expected


def test_a_pipe_gets_whole_lines_with_their_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    print_wrapped(f"{TEXT}  {TEXT}", "  ")
    assert capsys.readouterr().out == f"  {TEXT}  {TEXT}\n"
