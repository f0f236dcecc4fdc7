"""The feed: numbered lines in files, which nothing but age takes away."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from src.web.feed import LINE_BYTES, Feed, FeedClosed, LineTooLong
from src.web.log_lines import TEXT_LENGTH, FeedHandler


@contextmanager
def opened(folder: Path, keep_bytes: int = 1 << 20) -> Iterator[Feed]:
    feed = Feed(folder, keep_bytes=keep_bytes, clock=lambda: 1790000000.1234)
    feed.open()
    try:
        yield feed
    finally:
        feed.close()


def numbers(feed: Feed, after: int = 0) -> list[int]:
    return [line.seq for line in feed.after(after, 100_000)]


def newest(folder: Path) -> Path:
    return max((folder).glob("*.jsonl"))


def test_lines_are_numbered_from_one_and_read_back_as_they_were_added(tmp_path: Path) -> None:
    with opened(tmp_path) as feed:
        assert (feed.first, feed.last, feed.after(0, 10), feed.before(9, 10)) == (1, 0, [], [])
        assert feed.add("log", level="INFO", text='one,\n"two" ☃') == 1
        assert feed.add("world") == 2
        assert [line.kind for line in feed.after(0, 10)] == ["log", "world"]
        [line] = feed.after(0, 1)
        assert line.read() == {
            "seq": 1,
            "at": 1790000000.123,
            "kind": "log",
            "level": "INFO",
            "text": 'one,\n"two" ☃',
        }
        assert (feed.first, feed.last) == (1, 2)


def test_a_line_is_on_disk_when_add_returns(tmp_path: Path) -> None:
    with opened(tmp_path) as feed:
        for number in range(1, 4):
            feed.add("log", text="x")
            assert json.loads(newest(tmp_path).read_bytes().splitlines()[-1])["seq"] == number


def test_lines_are_read_forwards_and_backwards_by_number_and_kind(tmp_path: Path) -> None:
    with opened(tmp_path) as feed:
        for number in range(1, 21):
            feed.add("call" if number % 5 == 0 else "log")
        assert [line.seq for line in feed.after(7, 3)] == [8, 9, 10]
        assert [line.seq for line in feed.before(8, 3)] == [5, 6, 7]
        assert [line.seq for line in feed.before(18, 2, ["call"])] == [10, 15]
        assert [line.seq for line in feed.before(10**9, 100, {"call"})] == [5, 10, 15, 20]
        assert feed.before(5, 100, {"call"}) == []
        assert feed.before(1, 100) == []
        assert feed.after(20, 5) == []


def test_a_feed_on_the_same_folder_goes_on_counting_under_the_same_epoch(tmp_path: Path) -> None:
    with opened(tmp_path) as feed:
        epoch = feed.epoch
        for _ in range(5):
            feed.add("log")
    with opened(tmp_path) as feed:
        assert (feed.epoch, feed.last) == (epoch, 5)
        assert feed.add("log") == 6
        assert numbers(feed) == [1, 2, 3, 4, 5, 6]
    with opened(tmp_path / "other") as other:
        assert other.epoch != epoch


def test_a_torn_last_line_is_dropped_and_its_number_is_given_again(tmp_path: Path) -> None:
    with opened(tmp_path) as feed:
        epoch = feed.epoch
        for _ in range(3):
            feed.add("log", text="x" * 50)
    with newest(tmp_path).open("ab") as file:
        file.write(b'{"seq":4,"at":1790000000.1,"kind":"lo')
    with opened(tmp_path) as feed:
        assert (feed.epoch, feed.last) == (epoch, 3)
        assert feed.add("log") == 4
        assert numbers(feed) == [1, 2, 3, 4]


def test_nothing_that_was_added_is_lost_by_kill_9(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from src.web.feed import Feed\n"
        "feed = Feed(Path(sys.argv[1])); feed.open()\n"
        "for _ in range(500): feed.add('log', text='x' * 100)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=Path.cwd(), env=os.environ, check=False)
    assert ended.returncode == -signal.SIGKILL
    with opened(tmp_path) as feed:
        assert numbers(feed) == list(range(1, 501))


def test_whole_lines_that_cannot_be_read_again_make_another_epoch(tmp_path: Path) -> None:
    with opened(tmp_path) as feed:
        epoch = feed.epoch
        for _ in range(5):
            feed.add("log")
    path = newest(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"\0" * len(lines[3]), lines[4]]))
    with opened(tmp_path) as feed:
        assert feed.epoch != epoch
        assert feed.last == 3


def test_a_folder_without_its_lines_makes_another_epoch(tmp_path: Path) -> None:
    with opened(tmp_path) as feed:
        epoch = feed.epoch
        feed.add("log")
    newest(tmp_path).unlink()
    with opened(tmp_path) as feed:
        assert feed.epoch != epoch
        assert feed.last == 0


def test_the_folder_is_bounded_and_the_oldest_lines_go_first(tmp_path: Path) -> None:
    keep = 64 * 1024
    with opened(tmp_path, keep) as feed:
        for _ in range(5_000):
            feed.add("log", text="x" * 40)
            assert sum(path.stat().st_size for path in tmp_path.glob("*.jsonl")) <= keep
        assert feed.first > 1
        assert numbers(feed) == list(range(feed.first, 5_001))
        assert feed.after(0, 1)[0].seq == feed.first
        assert feed.before(feed.first, 10) == []
        assert [line.seq for line in feed.before(5_001, 500)] == list(range(4_501, 5_001))
        first = feed.first
    with opened(tmp_path, keep) as feed:
        assert (feed.first, feed.last) == (first, 5_000)
        assert feed.add("log") == 5_001
        assert numbers(feed) == list(range(feed.first, 5_002))


def test_a_restart_just_after_a_new_file_was_begun_goes_on_counting(tmp_path: Path) -> None:
    with opened(tmp_path) as feed:
        for _ in range(3):
            feed.add("log")
        epoch = feed.epoch
    (tmp_path / "000000000004.jsonl").write_bytes(b'{"seq":4,"at"')
    with opened(tmp_path) as feed:
        assert (feed.epoch, feed.last, feed.add("log")) == (epoch, 3, 4)
        assert numbers(feed) == [1, 2, 3, 4]


def test_a_damaged_older_file_goes_with_all_before_it(tmp_path: Path) -> None:
    with opened(tmp_path, 16 * 1024) as feed:
        for _ in range(150):
            feed.add("log", text="x" * 40)
        epoch = feed.epoch
    files = sorted(tmp_path.glob("*.jsonl"))
    assert len(files) >= 4
    files[1].write_bytes(files[1].read_bytes()[:-20])
    with opened(tmp_path, 16 * 1024) as feed:
        assert feed.epoch == epoch
        assert feed.first == int(files[2].stem)
        assert numbers(feed) == list(range(feed.first, 151))
    assert sorted(tmp_path.glob("*.jsonl")) == files[2:]


def test_a_file_that_somebody_else_removed_does_not_end_the_feed(tmp_path: Path) -> None:
    with opened(tmp_path, 16 * 1024) as feed:
        for _ in range(100):
            feed.add("log", text="x" * 40)
        files = sorted(tmp_path.glob("*.jsonl"))
        assert len(files) >= 3
        files[0].unlink()
        for _ in range(200):
            feed.add("log", text="x" * 40)
        assert feed.last == 300
        assert numbers(feed) == list(range(feed.first, 301))


def test_threads_that_add_at_once_make_one_sequence(tmp_path: Path) -> None:
    with opened(tmp_path, 256 * 1024) as feed:
        given: list[int] = []

        def add() -> None:
            given.extend(feed.add("log", text="x" * 30) for _ in range(500))

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(given) == list(range(1, 2_001))
        assert numbers(feed) == list(range(feed.first, 2_001))


def test_what_is_no_line_is_refused_and_takes_no_number(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    with pytest.raises(FeedClosed):
        feed.add("log")
    with opened(tmp_path) as feed:
        with pytest.raises(LineTooLong):
            feed.add("log", text="x" * LINE_BYTES)
        with pytest.raises(ValueError, match="Not a line"):
            feed.add("log", seq=7)
        with pytest.raises(ValueError, match="Not a line"):
            feed.add('lo","g')
        with pytest.raises(TypeError):
            feed.add("log", text=object())
        assert feed.add("log") == 1
    with pytest.raises(FeedClosed):
        feed.add("log")


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path: Path) -> None:
    class Full:
        """Takes ten bytes, then says what a full disk says."""

        def __init__(self, path: Path) -> None:
            self.path = path
            self.taken = False

        def write(self, body: bytes) -> int:
            if self.taken:
                raise OSError(28, "No space left on device")
            self.taken = True
            with self.path.open("ab") as file:
                return file.write(body[:10])

    with opened(tmp_path) as feed:
        feed.add("log")
        whole = feed._file
        feed._file = Full(newest(tmp_path))  # type: ignore[assignment]  # the part of a file that the feed uses
        with pytest.raises(OSError, match="No space left"):
            feed.add("log")
        feed._file = whole
        assert feed.add("log") == 2
        assert numbers(feed) == [1, 2]


def test_log_lines_bear_level_logger_text_and_traceback_but_no_token(tmp_path: Path) -> None:
    logger = logging.getLogger("tests.feed")
    with opened(tmp_path) as feed:
        handler = FeedHandler(feed)
        logger.addHandler(handler)
        try:
            logger.warning("refused %s of %s", "ghp_abcdefghijklmnop1234", "123456:ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
            try:
                int("glpat-abcdefghij1234567890 \udcff")
            except ValueError:
                logger.exception("it failed")
            logger.warning("%send \udcff", "x" * 100_000)
        finally:
            logger.removeHandler(handler)
        told, failed, long = (line.read() for line in feed.after(0, 10))
    assert told["kind"] == "log"
    assert (told["level"], told["logger"], told["text"]) == (
        "WARNING",
        "tests.feed",
        "refused <hidden> of <hidden>",
    )
    assert failed["level"] == "ERROR"
    assert failed["text"].startswith("it failed\nTraceback")
    assert failed["text"].splitlines()[-1].endswith("with base 10: '<hidden> \\udcff'")
    assert len(long["text"]) <= TEXT_LENGTH + 10
    assert long["text"].endswith("xend ?")


def test_a_log_line_that_cannot_be_kept_does_not_end_what_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path) as feed:
        pass
    FeedHandler(feed).handle(logging.makeLogRecord({"msg": "late %s", "args": ("ghp_abcdefghijklmnop1234",)}))
    said = capsys.readouterr().err
    assert "FeedClosed" in said
    assert "late" in said
    assert "ghp_" not in said
