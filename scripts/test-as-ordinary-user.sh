#!/usr/bin/env bash
# The whole suite as most people would run it: uid 1000, no capabilities, no way to get any. What needs root skips and says so.
# Run as root, from anywhere. Leaves the results as .cache/tests-ordinary-user.{json,log} and exits 1 when a test failed or skipped in silence.
set -euo pipefail
cd "$(dirname "$0")/.."
root="$PWD"
mkdir -p .cache
results="$root/.cache/tests-ordinary-user.json"
log="$root/.cache/tests-ordinary-user.log"
rm -f "$results" "$log"

folder="$(mktemp -d /var/tmp/unroot-ordinary-XXXXXX)"
# Rootless podman leaves a process that holds its user namespace: those that were started with this home end with it.
tidy() {
  for environ in /proc/[0-9]*/environ; do
    if grep -qzxF "HOME=$folder/home" "$environ" 2>/dev/null; then
      pid="${environ#/proc/}"
      kill "${pid%/environ}" 2>/dev/null || true
    fi
  done
  chmod -R u+rwx "$folder" 2>/dev/null || true
  rm -rf "$folder"
}
trap tidy EXIT
mkdir "$folder/checkout" "$folder/home" "$folder/tmp" "$folder/bin"
# The checkout and its packages, without what earlier runs left. Node itself too: root's own may lie where nobody else may look.
tar -c --exclude=./.git --exclude=./.cache . | tar -x -C "$folder/checkout"
cp "$(readlink -f "$(command -v node)")" "$folder/bin/node"
# Fixtures that lie beside the checkout are looked for beside this one.
if [ -d ../shared ]; then ln -s "$(readlink -f ../shared)" "$folder/shared"; fi
chown -R -h 1000:1000 "$folder"
chmod 755 "$folder"
chmod 1777 "$folder/tmp"

failed=0
(
  cd "$folder/checkout"
  # A /tmp of its own: nothing that root left there, and nothing stays.
  # shellcheck disable=SC2016
  exec unshare --mount sh -c 'mount --bind "$0" /tmp && exec "$@"' "$folder/tmp" \
    setpriv --reuid=1000 --regid=1000 --clear-groups --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs \
    env -i HOME="$folder/home" LANG=C.UTF-8 USER=ordinary NO_COLOR=1 \
    PATH="$folder/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    node node_modules/vitest/vitest.mjs run --reporter=default --reporter=json --outputFile.json="$folder/results.json"
) >"$log" 2>&1 </dev/null || failed=1

if [ -f "$folder/results.json" ]; then
  cp "$folder/results.json" "$results"
else
  failed=1
fi
node scripts/count-tests.mjs --skips "$folder/checkout/" "$results" "$log" || failed=1
if [ "$failed" = 1 ]; then
  echo 'As uid 1000 something failed:'
  sed -n '/Failed \(Suites\|Tests\)/,$p' "$log" | grep . || tail -n 40 "$log"
fi
exit "$failed"
