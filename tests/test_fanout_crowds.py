"""Many people and many readers: who is found is who would be found one by one, and each is looked through once."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from src.events import CommentEvent, CommentOn, People, Person, Subject, SubjectKind
from src.webhook.personalized_handlers import Facts, Reader, recipients
from tests.rendering import shared

WORDS = st.none() | st.sampled_from(("ann", "Ann", "bob", "1", "2"))
PEOPLE = st.builds(Person, id=WORDS, login=WORDS, email=WORDS)


def reader(number: int, person: Person | None, emails: frozenset[str] = frozenset()) -> Reader:
    return Reader(
        subscription_id=number, chat_id=number, topic_id=0, is_private_chat=True, scope="mine",
        names=frozenset({"comment.issue"}), levels={}, account_id=number, person=person, emails=emails,
    )  # fmt: skip


@settings(database=None)
@given(
    st.lists(PEOPLE, min_size=9, max_size=12), st.none() | PEOPLE, st.frozensets(st.sampled_from(("ann", "bob", "1")))
)
def test_who_is_among_many_is_who_is_one_of_them(
    people: list[Person], person: Person | None, emails: frozenset[str]
) -> None:
    facts, asked = Facts(), reader(1, person, emails)
    assert facts.among(people, asked) == any(facts.among([one], asked) for one in people)


class Counted(tuple[Person, ...]):
    """People who notice how often they are looked through."""

    looks = 0

    def __iter__(self) -> Iterator[Person]:
        type(self).looks += 1
        return super().__iter__()


def test_a_thousand_participants_are_looked_through_once_for_a_thousand_readers() -> None:
    subject = Subject(kind=SubjectKind.ISSUE, id="1", number=1, title="t", url="https://x.example.org")
    participants = Counted(Person(id=str(number), login=f"u{number}") for number in range(1000))
    said = CommentEvent(**shared(subject, people=People(participants=participants)), on=CommentOn.ISSUE, comment_id="1")
    readers = [reader(number, Person(id=str(number), login=f"u{number}")) for number in range(500, 1500)]
    Counted.looks = 0
    assert len(recipients(said, readers, Facts())) == 500
    assert Counted.looks <= 5
