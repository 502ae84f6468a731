"""Runs the test files of this folder, one line per test, and ends with "N passed, M failed"."""

import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).parent


class Result(unittest.TextTestResult):
    """One line per test: its name, how it ended, and how long it took."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0

    def startTest(self, test):
        self.started = time.monotonic()
        unittest.TestResult.startTest(self, test)

    def say(self, how, test):
        seconds = time.monotonic() - self.started
        name = test.id().removeprefix("test_")
        self.stream.writeln(f"{how:<5} {name} ({seconds:.1f} s)")
        self.stream.flush()

    def addSuccess(self, test):
        self.passed += 1
        self.say("ok", test)

    def addFailure(self, test, err):
        unittest.TestResult.addFailure(self, test, err)
        self.say("FAIL", test)

    def addError(self, test, err):
        unittest.TestResult.addError(self, test, err)
        if hasattr(self, "started"):
            self.say("ERROR", test)

    def addSubTest(self, test, subtest, err):
        unittest.TestResult.addSubTest(self, test, subtest, err)
        if err is not None:
            self.say("FAIL", subtest)

    def addSkip(self, test, reason):
        unittest.TestResult.addSkip(self, test, reason)
        self.stream.writeln(f"skip  {test.id().removeprefix('test_')}: {reason}")


def main(names):
    sys.path.insert(0, str(HERE))
    loader = unittest.TestLoader()
    names = names or sorted(path.stem for path in HERE.glob("test_*.py"))
    suite = loader.loadTestsFromNames(names)
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0)
    result = runner.run(suite)
    failed = len({test.id() for test, _ in result.failures + result.errors})
    print(f"{result.passed} passed, {failed} failed", flush=True)
    return 1 if failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
