"""How webhooks leave the emulators: headers, signatures, order, failures, tests and second attempts."""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs

import pytest

from src.demo.forge.sending import is_loopback
from src.demo.gitlab.hooks import ALL_SWITCHES
from src.events import HookTestEvent
from tests.test_forge_emulators.stage import CODECS, ROCKET, SECRET, Stage


async def test_githubs_headers(github: Stage) -> None:
    hook_id = await github.listen()
    await github.forge.open_issue(ROCKET, "bob", "Leak")
    [delivery] = github.forge.deliveries
    signature = hmac.new(SECRET.encode(), delivery.body, hashlib.sha256).hexdigest()
    assert delivery.headers["X-GitHub-Event"] == "issues"
    assert delivery.headers["X-Hub-Signature-256"] == f"sha256={signature}"
    assert delivery.headers["X-Hub-Signature"].startswith("sha1=")
    assert delivery.headers["X-GitHub-Hook-ID"] == str(hook_id) == str(delivery.hook_id)
    assert delivery.headers["X-GitHub-Delivery"] == delivery.delivery_id
    assert delivery.headers["User-Agent"].startswith("GitHub-Hookshot/")


async def test_gitlabs_headers(gitlab: Stage) -> None:
    await gitlab.listen()
    await gitlab.forge.open_issue(ROCKET, "bob", "Leak")
    await gitlab.forge.open_issue(ROCKET, "bob", "Drip")
    first, second = (delivery.headers for delivery in gitlab.forge.deliveries)
    assert first["X-Gitlab-Event"] == "Issue Hook"
    assert first["X-Gitlab-Token"] == SECRET
    assert first["X-Gitlab-Instance"] == gitlab.forge.url
    assert first["X-Gitlab-Webhook-UUID"] == second["X-Gitlab-Webhook-UUID"]
    assert first["Idempotency-Key"] != second["Idempotency-Key"]
    assert first["X-Gitlab-Event-UUID"] != second["X-Gitlab-Event-UUID"]


async def test_a_signing_token_signs_as_standard_webhooks_do(gitlab: Stage) -> None:
    hook_id = await gitlab.listen()
    gitlab.secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    body = {"url": gitlab.hook_url, "token": "", "signing_token": gitlab.secret}
    await gitlab.ask("PUT", f"{gitlab.project_path}/hooks/{hook_id}", body=body)
    await gitlab.forge.open_issue(ROCKET, "bob", "Leak")
    [delivery] = gitlab.forge.deliveries
    assert "X-Gitlab-Token" not in delivery.headers
    assert delivery.headers["webhook-id"] == delivery.headers["Idempotency-Key"]
    assert gitlab.names == ["issue.opened"]


async def test_a_form_carries_the_payload_as_a_field(github: Stage) -> None:
    await github.listen()
    github.forge.hooks(ROCKET)[0].form_encoded = True
    await github.forge.open_issue(ROCKET, "bob", "Leak & <drip>")
    [delivery] = github.forge.deliveries
    assert delivery.headers["Content-Type"] == "application/x-www-form-urlencoded"
    payload = json.loads(parse_qs(delivery.body.decode())["payload"][0])
    assert payload["issue"]["title"] == "Leak & <drip>"
    CODECS["github"].verify(delivery.headers, delivery.body, [SECRET], github.clock())


async def test_github_pings_a_new_hook_after_it_answered(github: Stage) -> None:
    config = {"url": github.hook_url, "content_type": "json", "secret": SECRET}
    reply = await github.ask("POST", "/repos/acme/rocket/hooks", body={"config": config, "events": ["push"]})
    await github.forge.delivered()
    [event] = github.events
    assert isinstance(event, HookTestEvent)
    assert github.bodies[0]["hook_id"] == reply.body["id"]
    assert github.bodies[0]["hook"]["config"]["secret"] == "********"
    assert "zen" in github.bodies[0]


async def test_a_hook_gets_what_it_listens_for_and_no_more(stage: Stage) -> None:
    await stage.listen("push" if stage.forge.kind == "github" else "push_events")
    await stage.forge.open_issue(ROCKET, "bob", "Leak")
    await stage.forge.push(ROCKET, "bob", "main")
    assert stage.names == ["push.pushed"]


async def test_webhooks_of_other_projects_stay_away(stage: Stage) -> None:
    await stage.listen()
    stage.forge.add_project("acme/other", members={"ann": "admin"})
    await stage.forge.open_issue("acme/other", "ann", "Leak")
    assert stage.forge.deliveries == []


async def test_what_is_done_over_http_is_delivered_too(stage: Stage) -> None:
    await stage.listen()
    await stage.ask("POST", f"{stage.project_path}/issues", "bob", body={"title": "Leak"})
    await stage.forge.delivered()
    assert stage.names == ["issue.opened"]


async def test_a_second_attempt_is_known_by_its_key(stage: Stage) -> None:
    await stage.listen()
    await stage.forge.open_issue(ROCKET, "bob", "Leak")
    first = stage.forge.deliveries[0]
    second = await stage.forge.redeliver(first)
    codec = CODECS[stage.forge.kind]
    assert (second.redelivery, second.body) == (True, first.body)
    assert codec.delivery_key(first.headers, first.body) == codec.delivery_key(second.headers, second.body)


async def test_a_second_attempt_is_signed_with_the_secret_of_now(stage: Stage) -> None:
    await stage.listen()
    await stage.forge.open_issue(ROCKET, "bob", "Leak")
    stage.secret = stage.forge.hooks(ROCKET)[0].secret = "a newer secret"
    assert (await stage.forge.redeliver(stage.forge.deliveries[0])).status == 202


async def test_a_second_attempt_can_be_asked_for_over_http(stage: Stage) -> None:
    hook_id = await stage.listen()
    await stage.forge.open_issue(ROCKET, "bob", "Leak")
    log, again = ("deliveries", "attempts") if stage.forge.kind == "github" else ("events", "resend")
    hook = f"{stage.project_path}/hooks/{hook_id}/{log}"
    listed = await stage.ask("GET", hook)
    reply = await stage.ask("POST", f"{hook}/{listed.body[0]['id']}/{again}")
    await stage.forge.delivered()
    assert reply.status in (201, 202)
    assert stage.names == ["issue.opened", "issue.opened"]


async def test_nothing_leaves_this_machine(stage: Stage) -> None:
    await stage.listen()
    stage.forge.hooks(ROCKET)[0].url = "https://relay.example/hook"
    await stage.forge.open_issue(ROCKET, "bob", "Leak")
    [delivery] = stage.forge.deliveries
    assert delivery.status is None
    assert "loopback" in delivery.answer


@pytest.mark.parametrize(("url", "local"), [
    ("http://127.0.0.1:8000/x", True), ("http://localhost/x", True), ("http://[::1]:1/x", True),
    ("http://127.0.0.1.example.org/x", False), ("http://10.0.0.1/x", False), ("http://localhost.example/x", False),
])  # fmt: skip
def test_what_counts_as_this_machine(url: str, local: bool) -> None:
    assert is_loopback(url) is local


async def test_a_receiver_that_is_not_there_is_recorded(stage: Stage) -> None:
    await stage.listen()
    stage.forge.hooks(ROCKET)[0].url = "http://127.0.0.1:9/hook"
    await stage.forge.open_issue(ROCKET, "bob", "Leak")
    assert stage.forge.deliveries[0].status is None


async def test_gitlab_switches_a_failing_hook_off_for_a_while(gitlab: Stage) -> None:
    hook_id = await gitlab.listen()
    gitlab.answer = 500
    for number in range(6):
        await gitlab.forge.open_issue(ROCKET, "bob", f"Leak {number}")
    assert [d.status for d in gitlab.forge.deliveries] == [500] * 4
    shown = await gitlab.ask("GET", f"{gitlab.project_path}/hooks/{hook_id}")
    assert shown.body["alert_status"] == "temporarily_disabled"
    assert shown.body["disabled_until"] == "2026-05-04T12:01:00.000Z"
    gitlab.answer = 202
    gitlab.clock.move(minutes=2)
    await gitlab.forge.open_issue(ROCKET, "bob", "Last leak")
    assert gitlab.names == ["issue.opened"]
    assert (await gitlab.ask("GET", f"{gitlab.project_path}/hooks/{hook_id}")).body["alert_status"] == "executable"


async def test_github_goes_on_whatever_the_receiver_says(github: Stage) -> None:
    await github.listen()
    github.answer = 500
    for number in range(6):
        await github.forge.open_issue(ROCKET, "bob", f"Leak {number}")
    assert [d.status for d in github.forge.deliveries] == [500] * 6


async def test_gitlabs_test_button_sends_every_kind(gitlab: Stage) -> None:
    hook_id = await gitlab.listen()
    number = await gitlab.forge.open_pull_request(ROCKET, "bob", "Add engine")
    issue = await gitlab.forge.open_issue(ROCKET, "bob", "Leak")
    await gitlab.forge.open_issue(ROCKET, "bob", "Secret leak", confidential=True)
    await gitlab.forge.comment(ROCKET, "ann", "issue", issue, "Where?")
    await gitlab.forge.run_pipeline(ROCKET, "bob", "topic", "failed", failed_jobs=["unit"], pull_request=number)
    await gitlab.forge.edit_wiki(ROCKET, "bob", "created", "Home")
    await gitlab.forge.publish_release(ROCKET, "bob", "v1")
    await gitlab.forge.deploy(ROCKET, "bob", "production", "success")
    gitlab.forget()
    for trigger in ALL_SWITCHES[:12]:
        reply = await gitlab.ask("POST", f"{gitlab.project_path}/hooks/{hook_id}/test/{trigger}")
        assert (reply.status, reply.body) == (201, {"message": "201 Created"}), trigger
    sent = {d.event: json.loads(d.body) for d in gitlab.forge.deliveries}
    assert len(sent) == 12
    assert "action" not in sent["Merge Request Hook"]["object_attributes"]
    assert "action" not in sent["Issue Hook"]["object_attributes"]
    assert [n for n in gitlab.names if n == "hook.test"] == ["hook.test"] * 3


async def test_gitlabs_test_button_says_what_went_wrong(gitlab: Stage) -> None:
    hook_id = await gitlab.listen()
    test = f"{gitlab.project_path}/hooks/{hook_id}/test"
    assert (await gitlab.ask("POST", f"{test}/merge_requests_events")).status == 422
    assert (await gitlab.ask("POST", f"{test}/nonsense_events")).status == 400
    gitlab.answer = 500
    assert (await gitlab.ask("POST", f"{test}/push_events")).status == 422


async def test_githubs_test_sends_the_latest_push(github: Stage) -> None:
    hook_id = await github.listen("push")
    assert (await github.ask("POST", f"/repos/acme/rocket/hooks/{hook_id}/tests")).status == 204
    await github.forge.delivered()
    assert github.names == ["push.pushed"]
