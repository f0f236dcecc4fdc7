"""Several people at once, each in a browser of their own: everybody is told their own and sees no more."""

from playwright.sync_api import expect

from tests.browser.windows import Windows


def test_two_people_at_once(visit: Windows) -> None:
    """Ann pairs and invites Bob, who opens her link in his own window; each is told what concerns them."""
    ann, bob = visit("ann"), visit("bob")
    ann.pair()
    ann.hand_on(ann.invite())
    bob.enter()
    for visitor in (ann, bob):
        visitor.give_token()
        visitor.subscribe()
        assert "demo_token" not in visitor.page.locator("#messages").inner_text()

    ann.send_event("mention", about="bob")
    expect(bob.sees("@bob which tank")).to_contain_text("You: mentioned")
    bob.send_event("review_team", about="ann")
    for visitor in (ann, bob):
        expect(visitor.sees("review requested through acme/core")).to_be_visible()
    ann.never_sees("@bob which tank")


def test_a_stranger_is_turned_away_and_sees_nothing_of_the_team(visit: Windows) -> None:
    eve = visit("eve")
    assert eve.chats() == ["bot"]
    eve.page.locator("#start").click()
    eve.sees("this bot is for invited people only")
    expect(eve.page.locator("#start")).to_be_hidden()
    eve.write("/list_subscriptions")
    eve.sees("/list_subscriptions")
    eve.never_sees("acme")
    expect(eve.page.locator('#messages [data-from="bot"]')).to_have_count(1)
