"""The gallery and the Forge tab: what happens is delivered, who was told of it, and what stands on the forge then."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.page import Visitor
from tests.browser.windows import Windows

# One by one, or gathered with others in one message.
_PUSHES_TOLD = """() => {
  const texts = [...document.querySelectorAll("#messages article[data-message]")].map((message) => message.innerText);
  return texts.reduce((sum, text) => {
    const gathered = /(\\d+) updates in one message/.exec(text);
    return sum + (gathered ? Number(gathered[1]) : Number(text.includes("pushed new commits to this PR")));
  }, 0);
}"""

pytestmark = pytest.mark.usefixtures("ready")


def test_burst_of_30_pushes_is_accepted_at_once_and_told_without_loss(visit: Windows) -> None:
    ann = visit("ann")
    result = ann.send_event("burst", about="ann")
    deliveries = result.locator("[data-delivery]")
    statuses = deliveries.evaluate_all("all => all.map((one) => one.dataset.status)")
    assert len(statuses) >= 30
    assert set(statuses) == {"202"}
    expect(result).to_have_attribute("data-tone", "told", timeout=60_000)
    expect(result).to_contain_text("Accepted: 30")
    ann.page.wait_for_function(f"() => ({_PUSHES_TOLD})() >= 30")  # the last of them may be on its way to the page
    assert ann.page.evaluate(f"({_PUSHES_TOLD})()") == 30


def test_duplicate_is_told_once(visit: Windows) -> None:
    ann = visit("ann")
    before = ann.messages.filter(has_text="which tank").count()
    result = ann.send_event("duplicate", about="ann")
    deliveries = result.locator("[data-delivery]")
    expect(deliveries.nth(1)).to_be_visible()
    expect(result).to_have_attribute("data-tone", "told")
    expect(result).to_contain_text("Ann (loud)")
    expect(ann.messages.filter(has_text="which tank")).to_have_count(before + 1)
    again = ann.send_event("mention", about="ann")  # told after it in the same chat: had it been told twice, by now
    expect(again).to_have_attribute("data-tone", "told")
    expect(ann.messages.filter(has_text="which tank")).to_have_count(before + 2)


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_bad_signature_is_refused_and_shown(visit: Windows, forge: str) -> None:
    ann = visit("ann")
    if forge == "gitlab":
        ann.give_token("gitlab")
        ann.subscribe("acme/lander", "GitLab")
    before = ann.messages.count()
    result = ann.send_event("bad_signature", forge=forge)
    expect(result.locator("[data-delivery]")).to_have_attribute("data-status", "401")
    expect(result).to_contain_text("Refused with 401")
    expect(result).to_have_attribute("data-tone", "refused")
    assert ann.messages.count() == before


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("pr_opened", "opened"),
        ("review_person", "review requested"),
        ("issue_assigned", "assigned"),
        ("merged", "merged"),
        ("comment", "commented"),
        ("release", "v1"),
    ],
)
def test_each_usual_event_is_told(visit: Windows, card: str, says: str) -> None:
    ann = visit("ann")
    before = ann.messages.count()
    expect(ann.send_event(card, about="ann")).to_have_attribute("data-tone", "told")
    expect(ann.messages).not_to_have_count(before)
    ann.sees(re.compile(says, re.IGNORECASE))


@pytest.mark.parametrize("card", ["wiki", "documentation"])
def test_what_nobody_chose_is_said_to_be_told_to_nobody(visit: Windows, card: str) -> None:
    result = visit("ann").send_event(card)
    expect(result).to_have_attribute("data-tone", "nobody")
    expect(result).to_contain_text("Nobody here chose it")


def test_all_that_is_sent_can_be_looked_at(visit: Windows) -> None:
    delivery = visit("ann").send_event("mention").locator("[data-delivery]").first
    delivery.locator("summary").click()
    expect(delivery).to_contain_text("X-GitHub-Delivery")
    expect(delivery).to_contain_text("X-Hub-Signature-256")
    expect(delivery).to_contain_text('"action": "created"')


def test_restart_button_loses_nothing(visit: Windows) -> None:
    ann = visit("ann")
    ann.tab("guide").page.locator("#restart").click()
    ann.toast("The bot is back")
    expect(ann.send_event("mention", about="ann")).to_have_attribute("data-tone", "told")
    ann.say("/status", "acme/rocket")


def project(ann: Visitor, path: str) -> None:
    """Open a project of the tab."""
    ann.tab("forge").locator(f'[data-project="{path}"]').first.click()


def test_project_shows_its_pull_requests_with_comments(visit: Windows) -> None:
    ann = visit("ann")
    ann.send_event("mention", about="ann")
    project(ann, "acme/rocket")
    pull = ann.panel("forge").locator('[data-pull="1"]')
    expect(pull).to_be_visible()
    pull.locator("summary, button, a").first.click()
    expect(ann.panel("forge")).to_contain_text("@ann which tank comes first")


def test_hook_that_the_bot_made_shows_its_deliveries_and_delivers_again(visit: Windows) -> None:
    ann = visit("ann")
    mentions = ann.messages.filter(has_text="@ann which tank")
    told = mentions.count() + 1
    expect(ann.send_event("mention", about="ann")).to_have_attribute("data-tone", "told")
    expect(mentions).to_have_count(told)
    project(ann, "acme/rocket")
    expect(ann.panel("forge").locator("[data-hook]").first).to_contain_text(re.compile(r"/webhook/github/"))
    deliveries = ann.panel("forge").locator("[data-delivery]")
    expect(deliveries).not_to_have_count(0)
    before = deliveries.count()
    comment = deliveries.filter(has_text="comment").first
    comment.locator("summary").click()
    comment.locator("[data-redeliver]").click()
    expect(deliveries).to_have_count(before + 1)
    # What is told after it in the same chat has come: so would have what is told again.
    expect(ann.send_event("issue_assigned", about="ann")).to_have_attribute(
        "data-tone", "told"
    )  # so by now all is told
    expect(mentions).to_have_count(told)


def test_a_private_project_of_the_other_forge_is_there(visit: Windows) -> None:
    ann = visit("ann")
    project(ann, "acme/lander")
    expect(ann.panel("forge")).to_contain_text("acme/lander")
