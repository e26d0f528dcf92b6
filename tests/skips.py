"""Fails a run in which tests were skipped unexpectedly: `pytest -p tests.skips`.

A skipped test proves nothing, and on the machine that decides, what tests need is installed.
"""

from collections.abc import Generator

import pytest

# Beginnings of node ids that may be skipped there, each with its reason.
ALLOWED: dict[str, str] = {
    "tests/e2e/test_full_disk.py": "a container may not be let mount a file system",
}

SKIPPED = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--unexpected-skips-fail",
        action="store_true",
        help="fail if a test is skipped that tests/skips.py does not list",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = {}
    config.pluginmanager.register(Recorder(config.stash[SKIPPED]))


class Recorder:
    """Remembers skipped tests and modules; with xdist it hears of them from the workers."""

    def __init__(self, skipped: dict[str, str]) -> None:
        self.skipped = skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.record(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.record(report)

    def record(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self.skipped[report.nodeid] = reason


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    unexpected = [n for n in session.config.stash[SKIPPED] if not n.startswith(tuple(ALLOWED))]
    if unexpected and session.config.getoption("--unexpected-skips-fail"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    if not config.getoption("--unexpected-skips-fail"):
        return
    for nodeid, reason in sorted(config.stash[SKIPPED].items()):
        if not nodeid.startswith(tuple(ALLOWED)):
            terminalreporter.line(f"SKIPPED UNEXPECTEDLY {nodeid}: {reason}", red=True)
