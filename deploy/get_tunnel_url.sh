#!/bin/sh
# Prints the public address of the tunnel and where hooks made by hand have to point.
#
#   deploy/get_tunnel_url.sh [ngrok|cloudflared]
#
# Without an argument TUNNEL says which (ngrok). TUNNEL_AGENT_URL and PORT are as in the settings of the program.
# Ends with 1 where there is no address. Needs curl and jq.
set -eu

tunnel=${1:-${TUNNEL:-ngrok}}
port=${PORT:-8000}

ask() {
    curl --silent --show-error --fail --max-time 5 --noproxy '*' "$1"
}

case $tunnel in
    ngrok)
        agent=${TUNNEL_AGENT_URL:-http://127.0.0.1:4040}
        # Of the tunnels that lead to our port one with https, else one with http.
        url=$(ask "$agent/api/tunnels" | jq -r --arg port "$port" '
            [.tunnels[] | select((.config.addr // "") | test("(^|:)" + $port + "/?$")) | .public_url
                | select(startswith("http"))]
            | (map(select(startswith("https://"))) + .)[0] // empty') || url=''
        ;;
    cloudflared)
        agent=${TUNNEL_AGENT_URL:-http://127.0.0.1:20241}
        # A quick tunnel has a name of its own, another one those of its rules.
        name=$(ask "$agent/quicktunnel" | jq -r '.hostname // empty') || name=''
        if [ -z "$name" ]; then
            name=$(ask "$agent/config" | jq -r --arg port "$port" '
                [.config.ingress[]? | select((.service // "") | test(":" + $port + "/?$")) | .hostname // ""
                    | select(. != "" and (contains("*") | not))][0] // empty') || name=''
        fi
        url=${name:+https://$name}
        ;;
    *)
        echo "usage: $0 [ngrok|cloudflared]" >&2
        exit 2
        ;;
esac

if [ -z "$url" ]; then
    echo "No address: $tunnel does not answer at $agent, or nothing of it leads to port $port." >&2
    exit 1
fi
url=${url%/}
echo "Address: $url"
echo "GitHub:  $url/webhook/github"
echo "GitLab:  $url/webhook/gitlab"
