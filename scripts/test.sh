#!/usr/bin/env bash
# Runs every check, goes on after a failed one, and ends with a summary. Called by `make test`.
# Only the debug profile is built: the end-to-end tests run the debug binary.
set -uo pipefail
cd "$(dirname "$0")/.."

names=(); outcomes=(); times=()
failed=0

# step NAME COMMAND...: runs it and remembers how it went.
step() {
  local name=$1 start=$SECONDS; shift
  printf '\n── %s\n' "$name"
  local outcome=passed
  "$@" || { outcome=FAILED; failed=1; }
  names+=("$name"); outcomes+=("$outcome"); times+=($((SECONDS - start)))
  [ "$outcome" = passed ]
}

# skip NAME WHY: remembers that it was not done.
skip() { names+=("$1"); outcomes+=("not run: $2"); times+=(0); }

in_folder() { (cd "$1" && shift && "$@"); }

step 'format' cargo fmt --all --check
step 'web: packages' make web/node_modules/.package-lock.json
step 'web: types and tests' in_folder web npm test
step 'web: build' make web/dist/index.html
web=$?
step 'lints' cargo clippy --workspace --all-targets --locked -- -D warnings
# Without the weights these tests say that they are skipped.
scripts/speech-model.sh || skip 'speech recognition with real weights' 'they cannot be had from here'
step 'tests' cargo test --workspace --locked
if cargo deny --version > /dev/null 2>&1; then
  # The list of advisories lies on the network; without it the other rules hold all the same.
  step 'dependencies: licences, bans, sources' cargo deny --locked check bans licenses sources
else
  skip 'dependencies' 'cargo-deny is not installed (cargo install cargo-deny --locked)'
fi
step 'binary' cargo build --locked -p plenary
binary=$?
if [ $binary = 0 ] && [ $web = 0 ]; then
  step 'e2e: packages' make e2e/node_modules/.package-lock.json \
    && step 'e2e: Chromium on the real binary' in_folder e2e npm test
else
  skip 'e2e' 'there is nothing to run it on'
fi

printf '\n── Summary\n'
for index in "${!names[@]}"; do
  printf '  %4d s  %-42s %s\n' "${times[$index]}" "${names[$index]}" "${outcomes[$index]}"
done
printf '  %4d s  in all\n' "$SECONDS"
if [ $failed = 0 ]; then echo 'All is well.'; else echo 'Something failed.'; fi
exit $failed
