"""Nothing is said twice, what is fixed is closed, and what people decided stands."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.agent.findings import Finding, Level, Source
from src.agent.fingerprints import Known, identify, marker
from src.agent.threads import Files, Poster, Settled, settle
from src.events import Person
from src.forge import Remark, ReviewThread

BOT = Person(id="1", login="assistant")
ANN = Person(id="2", login="ann")
POSTER = Poster(ids=frozenset({"1"}))
FILES = Files(paths=frozenset({"a.py", "b.py"}))

CODE = """def first():
    try:
        one()
    except:
        pass


def second():
    try:
        two()
    except:
        pass


def third():
    print(3)
"""


def known(code: str = CODE, path: str = "a.py") -> tuple[Known, ...]:
    """What a very small analyser finds."""
    rules = {"except:": "bare-except", "print(": "print"}
    found = [
        Finding(path=path, line=number, rule=rule, level=Level.STYLE, message="m")
        for number, line in enumerate(code.split("\n"), 1)
        for word, rule in rules.items()
        if word in line
    ]
    return identify(found, [Source(path=path, data=code.encode())])


def remark(body: str, author: Person | None = BOT) -> Remark:
    return Remark(id="r", author=author, body=body)


def threads_of(knowns: Sequence[Known]) -> tuple[ReviewThread, ...]:
    """The threads that posting these makes."""
    return tuple(
        ReviewThread(
            id=f"t{number}",
            path=each.finding.path,
            remarks=(remark(f"Something.\n\n{marker(each.fingerprint)}"),),
            resolved=False,
        )
        for number, each in enumerate(knowns)
    )


def ids(threads: Sequence[ReviewThread]) -> list[str]:
    return [thread.id for thread in threads]


def lines(knowns: Sequence[Known]) -> list[int]:
    return [each.finding.line for each in knowns]


def test_the_first_review_posts_everything_in_its_order() -> None:
    wanted = known()[::-1]
    settled = settle(wanted, (), POSTER, FILES)
    assert settled == Settled(post=wanted, folded=(), kept=(), dismissed=(), resolve=(), left_alone=())


def test_the_same_head_reviewed_again_posts_nothing() -> None:
    settled = settle(known(), threads_of(known()), POSTER, FILES)
    assert (settled.post, settled.folded, settled.resolve, settled.left_alone) == ((), (), (), ())
    assert [(told.thread.id, told.known.finding.line) for told in settled.kept] == [("t0", 4), ("t1", 11), ("t2", 16)]


def test_a_review_that_died_half_way_posts_the_other_half() -> None:
    settled = settle(known(), threads_of(known())[:1], POSTER, FILES)
    assert lines(settled.post) == [11, 16]


def test_what_is_fixed_is_resolved_and_its_double_is_kept() -> None:
    fixed = CODE.replace("        one()\n    except:", "        one()\n    except ValueError:")
    settled = settle(known(fixed), threads_of(known()), POSTER, FILES)
    assert settled.post == ()
    assert ids(settled.resolve) == ["t0"]
    assert [(told.thread.id, told.known.finding.line) for told in settled.kept] == [("t1", 11), ("t2", 16)]


def test_lines_above_and_functions_moved_change_no_thread() -> None:
    moved = "# licence\n\n" + CODE[CODE.index("def second") :] + "\n\n" + CODE[: CODE.index("def second")]
    settled = settle(known(moved), threads_of(known()), POSTER, FILES)
    assert (settled.post, settled.resolve) == ((), ())
    assert sorted((told.thread.id, told.known.finding.line) for told in settled.kept) == [
        ("t0", 17),
        ("t1", 6),
        ("t2", 11),
    ]


def test_two_findings_that_look_the_same_need_two_threads() -> None:
    twin = "def same():\n    try:\n        one()\n    except:\n        pass\n\n\n"
    settled = settle(known(twin * 2), threads_of(known(twin)), POSTER, FILES)
    assert len(settled.post) == len(settled.kept) == 1


def test_a_second_thread_of_one_finding_is_closed() -> None:
    (first, *_) = threads_of(known())
    settled = settle(known()[:1], (first, replace(first, id="again")), POSTER, FILES)
    assert (len(settled.kept), ids(settled.resolve)) == (1, ["again"])


def test_what_a_person_answered_is_left_open_and_not_said_again() -> None:
    answered = [replace(each, remarks=(*each.remarks, remark("Why?", ANN))) for each in threads_of(known())]
    there = settle(known(), answered, POSTER, FILES)
    assert (there.post, len(there.kept)) == ((), 3)
    gone = settle((), answered, POSTER, FILES)
    assert (gone.resolve, ids(gone.left_alone)) == ((), ["t0", "t1", "t2"])


def test_an_answer_from_the_account_that_posts_is_a_persons_if_it_bears_no_marker() -> None:
    (thread, *_) = threads_of(known())
    by_hand = replace(thread, remarks=(*thread.remarks, remark("I know.")))
    assert settle((), [by_hand], POSTER, FILES).resolve == ()
    by_us = replace(thread, remarks=(*thread.remarks, remark(marker(known()[0].fingerprint))))
    assert settle((), [by_us], POSTER, FILES).resolve == (by_us,)


@pytest.mark.parametrize("who", [ANN, None])
def test_what_a_person_resolved_is_not_said_again(who: Person | None) -> None:
    resolved = [replace(each, resolved=True, resolved_by=who) for each in threads_of(known())]
    settled = settle(known(), resolved, POSTER, FILES)
    assert (settled.post, settled.folded, settled.kept, settled.resolve) == ((), (), (), ())
    assert lines([told.known for told in settled.dismissed]) == [4, 11, 16]


def test_what_we_resolved_and_comes_back_is_said_again() -> None:
    closed = [replace(each, resolved=True, resolved_by=BOT) for each in threads_of(known())]
    assert settle(known(), closed, POSTER, FILES).post == known()


def test_what_a_person_resolved_with_the_account_that_posts_is_not_said_again() -> None:
    closed = [replace(each, resolved=True, resolved_by=BOT) for each in threads_of(known())]
    assert settle(known(), closed, replace(POSTER, is_person=True), FILES).post == ()


def test_an_answered_thread_that_we_resolved_once_is_not_said_again() -> None:
    (thread, *_) = threads_of(known())
    talked = replace(thread, resolved=True, resolved_by=BOT, remarks=(*thread.remarks, remark("Won't fix.", ANN)))
    assert lines(settle(known()[:1], [talked], POSTER, FILES).post) == []


def test_a_strangers_marker_means_nothing() -> None:
    forged = [replace(each, remarks=(replace(each.remarks[0], author=ANN),)) for each in threads_of(known())]
    nobodys = [replace(each, remarks=(replace(each.remarks[0], author=None),)) for each in threads_of(known())]
    silent = [replace(each, remarks=()) for each in threads_of(known())]
    settled = settle(known(), [*forged, *nobodys, *silent], POSTER, FILES)
    assert settled == Settled(post=known(), folded=(), kept=(), dismissed=(), resolve=(), left_alone=())


def test_peoples_own_threads_are_nobodys_business() -> None:
    talk = ReviewThread(id="x", path="a.py", remarks=(remark("Nice.", ANN), remark("Thanks.")), resolved=False)
    assert settle((), [talk], POSTER, FILES) == Settled(
        post=(), folded=(), kept=(), dismissed=(), resolve=(), left_alone=()
    )


def test_threads_of_other_accounts_of_this_program_are_known() -> None:
    other = [replace(each, remarks=(replace(each.remarks[0], author=ANN),)) for each in threads_of(known())]
    assert settle(known(), other, Poster(ids=frozenset({"1", "2"})), FILES).post == ()


def test_a_file_renamed_by_the_pull_request_keeps_its_threads() -> None:
    files = Files(paths=frozenset({"new.py"}), renamed={"a.py": "new.py"})
    settled = settle(known(path="new.py"), threads_of(known()), POSTER, files)
    assert (settled.post, settled.resolve, len(settled.kept)) == ((), (), 3)


def test_a_file_renamed_between_two_pushes_keeps_its_threads() -> None:
    files = Files(paths=frozenset({"new.py"}))  # new to the target branch under either name
    settled = settle(known(path="new.py"), threads_of(known()), POSTER, files)
    assert (settled.post, settled.resolve, len(settled.kept)) == ((), (), 3)


def test_the_same_words_in_another_file_are_another_finding() -> None:
    wanted = known(path="b.py")
    settled = settle(wanted, threads_of(known()), POSTER, FILES)
    assert settled.post == wanted
    assert ids(settled.resolve) == ["t0", "t1", "t2"]


def test_in_a_new_file_that_only_looks_a_little_alike_it_is_another_finding() -> None:
    other = "def other():\n    try:\n        three()\n    except:\n        pass\n"
    files = Files(paths=frozenset({"new.py"}))
    settled = settle(known(other, "new.py"), threads_of(known()), POSTER, files)
    assert (len(settled.post), len(settled.resolve)) == (1, 3)


def test_what_was_not_read_is_not_taken_for_fixed() -> None:
    unread = replace(FILES, unread=frozenset({"a.py"}))
    assert ids(settle((), threads_of(known()), POSTER, unread).left_alone) == ["t0", "t1", "t2"]
    renamed = Files(paths=frozenset({"new.py"}), renamed={"a.py": "new.py"}, unread=frozenset({"new.py"}))
    assert settle((), threads_of(known()), POSTER, renamed).resolve == ()
    perhaps_renamed = Files(paths=frozenset({"new.py"}), unread=frozenset({"new.py"}))
    assert settle((), threads_of(known()), POSTER, perhaps_renamed).resolve == ()


def test_a_file_that_left_the_pull_request_has_its_threads_closed() -> None:
    assert len(settle((), threads_of(known()), POSTER, Files(paths=frozenset({"b.py"}))).resolve) == 3


@pytest.mark.parametrize(
    ("files", "resolved"),
    [
        (replace(FILES, heard=FILES.paths), ["t0", "t1", "t2"]),
        (replace(FILES, heard=frozenset({"b.py"})), []),
        (FILES, []),
        (replace(FILES, paths=frozenset({"b.py"})), []),
        (replace(FILES, heard=frozenset({"b.py"}), renamed={"a.py": "b.py"}), ["t0", "t1", "t2"]),
    ],
    ids=["looked at", "no room for it", "no model", "gone", "looked at under its new name"],
)
def test_an_opinion_is_mended_only_where_a_model_looked_again(files: Files, resolved: list[str]) -> None:
    opinions = [Known(each.finding, replace(each.fingerprint, is_opinion=True)) for each in known()]
    settled = settle((), threads_of(opinions), POSTER, files)
    assert ids(settled.resolve) == resolved
    assert len(settled.left_alone) == len(opinions) - len(resolved)


def test_what_is_still_there_but_no_longer_the_pull_requests_is_not_closed_and_not_posted() -> None:
    threads = threads_of(known())[:1]
    settled = settle((), threads, POSTER, FILES, present=known())
    assert (settled.post, settled.resolve) == ((), ())
    assert ids([told.thread for told in settled.kept]) == ["t0"]


def test_a_thread_that_cannot_be_resolved_is_left_alone() -> None:
    stuck = [replace(each, can_resolve=False) for each in threads_of(known())]
    assert len(settle((), stuck, POSTER, FILES).left_alone) == 3


def test_the_limit_counts_what_is_already_open() -> None:
    settled = settle(known(), threads_of(known())[2:], POSTER, FILES, at_most=2)
    assert (lines(settled.post), lines(settled.folded), len(settled.kept)) == ([4], [11], 1)
    full = settle(known(), threads_of(known())[1:], POSTER, FILES, at_most=1)
    assert (lines(full.post), lines(full.folded), len(full.kept)) == ([], [4], 2)


def test_every_wanted_finding_is_told_of_in_exactly_one_way() -> None:
    threads = list(threads_of(known()))
    threads[1] = replace(threads[1], resolved=True, resolved_by=ANN)
    wanted = known("import this\nprint(0)\n" + CODE)
    settled = settle(wanted, threads, POSTER, FILES, at_most=2)
    ways = [*settled.post, *settled.folded, *(told.known for told in (*settled.kept, *settled.dismissed))]
    assert sorted(lines(ways)) == lines(wanted)


codes = st.lists(st.sampled_from(["except:", "    print(1)", "def f():", "", "x = 1", "    except:"]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(codes, st.sampled_from(["a.py", "b.py", "c.py"])), min_size=1, max_size=4))
def test_whatever_is_pushed_a_second_look_at_the_same_head_changes_nothing(pushes: list[tuple[list[str], str]]) -> None:
    threads: dict[str, ReviewThread] = {}
    for number, (code, path) in enumerate(pushes):
        wanted = known("\n".join(code), path)
        files = Files(paths=frozenset({path}))
        settled = settle(wanted, threads.values(), POSTER, files)
        for thread in settled.resolve:
            threads[thread.id] = replace(thread, resolved=True, resolved_by=BOT)
        for thread in threads_of(settled.post):
            threads[f"{number}.{thread.id}"] = replace(thread, id=f"{number}.{thread.id}")
        again = settle(wanted, threads.values(), POSTER, files)
        assert (again.post, again.folded, again.resolve) == ((), (), ())
        still_open = [thread for thread in threads.values() if not thread.resolved]
        assert len(still_open) == len(again.kept) == len(wanted)
