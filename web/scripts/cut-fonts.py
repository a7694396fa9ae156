#!/usr/bin/env python3
"""Makes the typeface files that no package carries as we need them (web/src/design/fonts, committed).

Run it only to change them; it needs fonttools and brotli, and node_modules of web/:
    python3 -m venv /tmp/cut && /tmp/cut/bin/pip install fonttools brotli && /tmp/cut/bin/python scripts/cut-fonts.py

- Plenary Display: Source Serif 4 at optical size 60, weight 400, for titles. Source's name is reserved,
  so the changed file has another one.
- Noto Nastaliq Urdu, cut to the letters of Urdu, Persian and Arabic and its own space, because it
  kerns across spaces; without Latin.
"""
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

WEB = Path(__file__).resolve().parent.parent
OUT = WEB / "src/design/fonts"
SERIF = WEB / "node_modules/@fontsource-variable/source-serif-4/files"
NASTALIQ = WEB / "node_modules/@fontsource/noto-nastaliq-urdu/files/noto-nastaliq-urdu-arabic-400-normal.woff2"

FAMILY = "Plenary Display"
# Space and no-break space, Arabic letters, digits and signs of Urdu, joiners, presentation forms of the ligatures
# that texts carry as single signs (ﷲ ﷺ).
URDU = "U+20,U+A0,U+600-603,U+60B-60D,U+610-615,U+61B,U+61F,U+621-63A,U+640-658,U+660-66D,U+670,U+674,U+679,U+67E,U+686,U+688,U+691,U+698,U+6A9,U+6AF,U+6BA,U+6BE,U+6C0-6C3,U+6CC,U+6D2-6D5,U+6F0-6F9,U+200C-200F,U+2010-2011,U+FDF2,U+FDFA"


def display(part: str) -> None:
    font = TTFont(SERIF / f"source-serif-4-{part}-opsz-normal.woff2")
    axes = {"opsz": 60, "wght": 400}
    instancer.instantiateVariableFont(font, {tag: axes[tag] for tag in (a.axisTag for a in font["fvar"].axes)}, inplace=True)
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            record.string = FAMILY.replace(" ", "") if record.nameID == 6 else FAMILY
    font.flavor = "woff2"
    font.save(OUT / f"plenary-display-{part}.woff2")


def nastaliq() -> None:
    options = subset.Options(layout_features=["*"], flavor="woff2", notdef_outline=True)
    font = subset.load_font(str(NASTALIQ), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=subset.parse_unicodes(URDU.replace("U+", "")))
    cutter.subset(font)
    subset.save_font(font, str(OUT / "noto-nastaliq-urdu.woff2"), options)


OUT.mkdir(parents=True, exist_ok=True)
for part in ("latin", "cyrillic"):
    display(part)
nastaliq()
for path in sorted(OUT.glob("*.woff2")):
    print(path.name, path.stat().st_size)
