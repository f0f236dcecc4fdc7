#!/bin/sh
# Looks for new pull requests of GitHub repositories and hands them to the relay, as a webhook would: for who has no
# address that GitHub could reach and does not want the program itself to ask. Every five minutes, as a crontab says it:
#
#   */5 * * * * /opt/git-assistant/deploy/check_pr.sh acme/rocket
#
# Settings stand in ~/.config/git-assistant/check_pr.env (CHECK_PR_ENV names another file), mode 0600:
#
#   GITHUB_TOKEN            a token that may read the repositories
#   GITHUB_WEBHOOK_SECRET   as in the settings of the program: the relay takes what is signed with it
#   GITHUB_API_URL          https://api.github.com
#   RELAY_URL               http://127.0.0.1:8000
#
# The first run notes where it begins and tells nothing. What was told stands in ~/.local/state/git-assistant
# (CHECK_PR_STATE). Needs curl, jq and python3. No token stands on a command line or in an address.
set -eu
umask 077

env_file=${CHECK_PR_ENV:-$HOME/.config/git-assistant/check_pr.env}
if [ -r "$env_file" ]; then
    # shellcheck disable=SC1090 # it is the operator's
    . "$env_file"
fi
if [ -z "${GITHUB_TOKEN:-}" ] || [ -z "${GITHUB_WEBHOOK_SECRET:-}" ]; then
    echo "GITHUB_TOKEN and GITHUB_WEBHOOK_SECRET have to be set, e.g. in $env_file." >&2
    exit 2
fi
if [ $# -eq 0 ]; then
    echo "usage: $0 OWNER/REPOSITORY..." >&2
    exit 2
fi
export GITHUB_WEBHOOK_SECRET
api=${GITHUB_API_URL:-https://api.github.com}
relay=${RELAY_URL:-http://127.0.0.1:8000}
state=${CHECK_PR_STATE:-$HOME/.local/state/git-assistant}
mkdir -p "$state"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One page of open pull requests, the newest first, into a file. The token goes through a pipe.
fetch() {
    printf 'Authorization: Bearer %s\n' "$GITHUB_TOKEN" |
        curl --silent --show-error --fail --max-time 30 --header @- --header 'Accept: application/vnd.github+json' \
            --output "$work/page" "$api/repos/$1/pulls?state=open&sort=created&direction=desc&per_page=100&page=$2"
}

# The signature that GitHub's webhooks bear. The secret is read from the environment.
sign() {
    python3 -c 'import hashlib, hmac, os, sys
key = os.environ["GITHUB_WEBHOOK_SECRET"].encode()
print(hmac.new(key, sys.stdin.buffer.read(), hashlib.sha256).hexdigest())' < "$1"
}

# What the webhook "pull_request" would bring: number, repository's id and the body, a line for each, the first one first.
deliveries() {
    jq -s -r 'sort_by(.number) | .[]
        | {action: "opened", number: .number, pull_request: ., repository: .base.repo, sender: .user}
        | "\(.number) \(.repository.id) \(tojson)"' "$work/new"
}

# The same pull request always has the same delivery id, by which the relay knows it again.
tell() {
    printf '%s' "$4" > "$work/body"
    curl --silent --show-error --fail --max-time 30 --output /dev/null \
        --header 'Content-Type: application/json' --header 'X-GitHub-Event: pull_request' \
        --header "X-GitHub-Delivery: check-pr-$3-$2" --header "X-Hub-Signature-256: sha256=$(sign "$work/body")" \
        --data-binary "@$work/body" "$relay/webhook/github"
    echo "$1: told of pull request $2"
}

remember() {
    echo "$2" > "$work/mark"
    mv "$work/mark" "$1"
}

# Numbers grow, so the last one that was told is all that has to be remembered.
check() {
    mark=$state/$(printf '%s' "$1" | tr / _)
    if [ ! -f "$mark" ]; then
        fetch "$1" 1
        last=$(jq -r '[.[].number] | max // 0' "$work/page")
        remember "$mark" "$last"
        return
    fi
    last=$(cat "$mark")
    : > "$work/new"
    page=1
    while :; do
        fetch "$1" "$page"
        jq -c --argjson last "$last" '.[] | select(.number > $last)' "$work/page" >> "$work/new"
        if [ "$(jq --argjson last "$last" 'length > 0 and all(.number > $last)' "$work/page")" != true ]; then
            break
        fi
        page=$((page + 1))
    done
    deliveries > "$work/deliveries"
    while read -r number id body; do
        tell "$1" "$number" "$id" "$body"
        remember "$mark" "$number"
    done < "$work/deliveries"
}

for repository in "$@"; do
    check "$repository"
done
