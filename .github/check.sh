#!/usr/bin/env bash
# The action's main step: runs the check, and says what a void run is. Its inputs come as variables.
set -uo pipefail
case "${ON_UNCLEAR:=warn}" in
  warn | fail) ;;
  *) echo "::error::on-unclear is '$ON_UNCLEAR', expected warn or fail"; exit 2 ;;
esac
flags=(--base "$BASE" --only "${ONLY:-*}" --show all --save lambdabench-check --github)
if [ -n "${TESTS:-}" ]; then
  flags+=(--pytest "$TESTS")
  [ -z "${BUILD:-}" ] || flags+=(--build "$BUILD")
else
  flags+=(--suite "${SUITE:-kernels-quick}")
fi
check='' cancelled=''
trap 'cancelled=1; [ -z "$check" ] || kill -TERM "$check" 2> /dev/null' INT TERM HUP # a cancelled job: the check takes its checkout down
lambdabench check "${flags[@]}" &
check=$!
[ -z "$cancelled" ] || kill -TERM "$check" # as soon as it had begun
while kill -0 "$check" 2> /dev/null; do
  wait "$check" # a signal ends it early
done
wait "$check"
code=$?
echo "exit-code=$code" >> "${GITHUB_OUTPUT:-/dev/null}"
if [ "$code" = 3 ] && [ "$ON_UNCLEAR" = warn ]; then
  echo "::warning::lambdabench check is void: too little could be said on this runner; nothing is failed for it"
  exit 0
fi
exit "$code"
