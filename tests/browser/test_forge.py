"""The Forge tab: the emulated sites as a person would look at them, and their deliveries."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.page import Visitor
from tests.browser.windows import Windows

pytestmark = pytest.mark.usefixtures("ready")


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
    expect(ann.send_event("mention", about="ann")).to_have_attribute("data-tone", "told")
    ann.sees("@ann which tank")
    told = ann.messages.filter(has_text="@ann which tank").count()
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
    expect(ann.messages.filter(has_text="@ann which tank")).to_have_count(told)


def test_a_private_project_of_the_other_forge_is_there(visit: Windows) -> None:
    ann = visit("ann")
    project(ann, "acme/lander")
    expect(ann.panel("forge")).to_contain_text("acme/lander")
