#!/usr/bin/env bash
# How long a newcomer waits: clones this repository into an empty folder, runs `npm ci && npm start` there, and sends one message with two
# chat clients. Prints the seconds of each part and of the whole. Needs port 8099 (or PORT) of loopback.
set -euo pipefail
source_folder=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
port=${PORT:-8099}
server=
finish() {
  if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT
since() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f s", b - a }'; }

begin=$(date +%s.%N)
git clone --quiet "$source_folder" "$work/om"
cd "$work/om"
npm ci --silent --no-fund --no-audit
installed=$(date +%s.%N)
export HOME=$work # the chat client remembers its accounts there
PORT=$port npm start --silent >"$work/log" &
server=$!
for _ in $(seq 600); do
  grep -q 'is ready' "$work/log" && break
  kill -0 "$server"
  sleep 0.1
done
started=$(date +%s.%N)
npm run --silent chat -- --server "http://127.0.0.1:$port" --user bob </dev/null >/dev/null
# Ends when the server has acknowledged what was written.
echo hello | npm run --silent chat -- --server "http://127.0.0.1:$port" --user alice --with bob >/dev/null
done=$(date +%s.%N)
echo "clone and npm ci $(since "$begin" "$installed"), start $(since "$installed" "$started"), two accounts and a message $(since "$started" "$done"): $(since "$begin" "$done")"
