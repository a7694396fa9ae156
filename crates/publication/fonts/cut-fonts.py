#!/usr/bin/env python3
"""Makes the typeface files that are embedded in PDFs (this folder, committed).

Run it only to change them; it needs fonttools and brotli, and node_modules of web/:
    python3 -m venv /tmp/cut && /tmp/cut/bin/pip install fonttools brotli
    /tmp/cut/bin/python crates/publication/fonts/cut-fonts.py

- Plenary Serif: Source Serif 4 for Latin, Greek and Cyrillic in one file. Source's name is reserved, so
  the changed file has another one.
- Noto Nastaliq Urdu as the web client has it, as TrueType.

All under the SIL Open Font License 1.1, see OFL.txt.
"""
from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools.merge import Merger
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[3]
OUT = Path(__file__).resolve().parent
SERIF = ROOT / "web/node_modules/@fontsource/source-serif-4/files"
NASTALIQ = ROOT / "web/src/design/fonts/noto-nastaliq-urdu.woff2"
FAMILY = "Plenary Serif"


def plain(path: Path, to: Path) -> None:
    font = TTFont(path)
    font.flavor = None
    font.save(to)


def serif(weight: int, style: str) -> None:
    with TemporaryDirectory() as folder:
        parts = []
        for part in ("latin", "latin-ext", "greek", "cyrillic", "cyrillic-ext"):
            to = Path(folder) / f"{part}.ttf"
            plain(SERIF / f"source-serif-4-{part}-{weight}-normal.woff2", to)
            parts.append(str(to))
        font = Merger().merge(parts)
    for record in font["name"].names:
        names = {1: FAMILY, 2: style, 3: f"{FAMILY} {style}", 4: f"{FAMILY} {style}", 6: f"{FAMILY} {style}".replace(" ", "-"), 16: FAMILY, 17: style}
        if record.nameID in names:
            record.string = names[record.nameID]
    font.save(OUT / f"plenary-serif-{style.lower()}.ttf")


serif(400, "Regular")
serif(600, "SemiBold")
plain(NASTALIQ, OUT / "noto-nastaliq-urdu.ttf")
for path in sorted(OUT.glob("*.ttf")):
    print(path.name, path.stat().st_size)
