/**
 * When typeface files are fetched. Public pages take them as they are needed. Join and live screens
 * start on the system's faces, because the first 60 KB belong to the floor's voice: they take from
 * the cache what is there, and fetch the rest only after the voice has begun.
 */
import plexArabic400 from '@fontsource/ibm-plex-sans-arabic/files/ibm-plex-sans-arabic-arabic-400-normal.woff2?url';
import plexArabic600 from '@fontsource/ibm-plex-sans-arabic/files/ibm-plex-sans-arabic-arabic-600-normal.woff2?url';
import sansCyrillic from '@fontsource-variable/source-sans-3/files/source-sans-3-cyrillic-wght-normal.woff2?url';
import sansLatin from '@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-normal.woff2?url';
import serifCyrillic400 from '@fontsource/source-serif-4/files/source-serif-4-cyrillic-400-normal.woff2?url';
import serifCyrillic600 from '@fontsource/source-serif-4/files/source-serif-4-cyrillic-600-normal.woff2?url';
import serifLatin400 from '@fontsource/source-serif-4/files/source-serif-4-latin-400-normal.woff2?url';
import serifLatin600 from '@fontsource/source-serif-4/files/source-serif-4-latin-600-normal.woff2?url';
import nastaliq from './fonts/noto-nastaliq-urdu.woff2?url';
import titleCyrillic from './fonts/plenary-display-cyrillic.woff2?url';
import titleLatin from './fonts/plenary-display-latin.woff2?url';

interface Face {
  family: string;
  url: string;
  weight: string;
  range: string;
  script: 'latin' | 'cyrillic' | 'arabic';
  /** Used on live screens too, not only on documents. */
  live: boolean;
}

const LATIN =
  'U+0-FF,U+131,U+152-153,U+2BB-2BC,U+2C6,U+2DA,U+2DC,U+304,U+308,U+329,U+2000-206F,U+20AC,U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD';
const CYRILLIC = 'U+301,U+400-45F,U+490-491,U+4B0-4B1,U+2116';
const ARABIC = 'U+600-6FF,U+750-77F,U+200C-200E,U+FB50-FDFF,U+FE70-FEFC';
/** Nastaliq kerns across spaces, so it brings its own; it has no Latin. */
const NASTALIQ = `U+20,U+A0,${ARABIC}`;

const SANS = 'Source Sans 3 Variable';
const SERIF = 'Source Serif 4';
const TITLE = 'Plenary Display';
const PLEX = 'IBM Plex Sans Arabic';

const face = (
  script: Face['script'],
  family: string,
  weight: string,
  url: string,
  range: string,
  live: boolean,
): Face => ({ script, family, weight, url, range, live });

/** In the order in which they are worth fetching. */
const FACES: readonly Face[] = [
  face('latin', TITLE, '400', titleLatin, LATIN, false),
  face('cyrillic', TITLE, '400', titleCyrillic, CYRILLIC, false),
  face('arabic', 'Noto Nastaliq Urdu', '400', nastaliq, NASTALIQ, true),
  face('latin', SANS, '200 900', sansLatin, LATIN, true),
  face('cyrillic', SANS, '200 900', sansCyrillic, CYRILLIC, true),
  face('arabic', PLEX, '400', plexArabic400, ARABIC, true),
  face('arabic', PLEX, '600', plexArabic600, ARABIC, true),
  face('latin', SERIF, '400', serifLatin400, LATIN, true),
  face('cyrillic', SERIF, '400', serifCyrillic400, CYRILLIC, true),
  face('latin', SERIF, '600', serifLatin600, LATIN, true),
  face('cyrillic', SERIF, '600', serifCyrillic600, CYRILLIC, true),
];

/** Bigger than everything else together: never fetched for a live screen, only taken from the cache. */
const NEVER_LATE: readonly string[] = [nastaliq];

const used = new Set<string>();

/** Public pages: every face of the page's scripts, fetched by the browser when a letter needs it. */
export function usePublicFonts(language: string): void {
  for (const one of of(language)) {
    if (used.has(one.url)) continue;
    used.add(one.url);
    const font = new FontFace(one.family, `url(${one.url}) format("woff2")`, descriptors(one, 'swap'));
    document.fonts.add(font);
    void font.loaded.then(() => remember(one.url)).catch(() => undefined);
  }
}

/** Live screens: what an earlier visit has left in the cache. Asks no network. */
export async function useCachedFonts(language: string): Promise<void> {
  const fetched = remembered();
  await Promise.all(
    of(language)
      .filter(({ live, url }) => live && fetched.includes(url))
      .map((one) => take(one, { cache: 'only-if-cached', mode: 'same-origin' }).then((apply) => apply?.())),
  );
}

/**
 * Live screens, after the voice has begun: fetches one after the other and gives back how to put
 * them into effect, at a moment when nobody reads.
 */
export async function fetchLateFonts(language: string): Promise<() => void> {
  const applies: (() => void)[] = [];
  for (const one of of(language)) {
    if (!one.live || NEVER_LATE.includes(one.url)) continue;
    const apply = await take(one, { priority: 'low' });
    if (apply === null) continue;
    remember(one.url);
    applies.push(apply);
  }
  return () => applies.forEach((apply) => apply());
}

/** Faces of Latin and of the language's own script. */
function of(language: string): Face[] {
  const own = /^(ur|ar|fa|ps|sd)\b/.test(language)
    ? 'arabic'
    : /^(ru|uk|be|bg|sr|mk|kk|ky|tg|mn)\b/.test(language)
      ? 'cyrillic'
      : 'latin';
  return FACES.filter(({ script }) => script === 'latin' || script === own);
}

/** Files that this browser has fetched before; asking the cache for others only fills its log. */
const FETCHED = 'plenary.fonts';

function remembered(): string[] {
  try {
    return (localStorage.getItem(FETCHED) ?? '').split(' ');
  } catch {
    return [];
  }
}

function remember(url: string): void {
  try {
    const known = FACES.map((one) => one.url);
    const fetched = remembered().filter((one) => known.includes(one) && one !== url);
    localStorage.setItem(FETCHED, [...fetched, url].join(' '));
  } catch {
    // Storage may be forbidden; then live screens keep the system's faces until the voice is on.
  }
}

async function take(one: Face, init: RequestInit): Promise<(() => void) | null> {
  if (used.has(one.url)) return null;
  try {
    const response = await fetch(one.url, init);
    if (!response.ok) return null;
    const font = await new FontFace(one.family, await response.arrayBuffer(), descriptors(one, 'optional')).load();
    return () => {
      if (used.has(one.url)) return;
      used.add(one.url);
      document.fonts.add(font);
    };
  } catch {
    // Not in the cache, or the network failed: the system's faces stay.
    return null;
  }
}

const descriptors = (one: Face, display: FontDisplay): FontFaceDescriptors => ({
  weight: one.weight,
  unicodeRange: one.range,
  display,
});
