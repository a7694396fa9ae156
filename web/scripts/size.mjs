// What a participant's first visit costs before the floor's voice can start: the page, and every
// script and style that the join screen and the stage need, compressed as a browser on plain HTTP
// gets them (gzip; brotli over TLS is smaller). Fails above the budget of shared/QUALITY.md.
import { existsSync, readFileSync } from 'node:fs';
import { gzipSync, brotliCompressSync } from 'node:zlib';

const BUDGET_BYTES = 60 * 1024;
const dist = new URL('../dist/', import.meta.url).pathname;
if (!existsSync(`${dist}.vite/manifest.json`)) {
  console.error('size: web/dist is missing. Run `npm run build` first.');
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'));

/** Entry points of the visit; what they import at once follows. */
const ENTRY = Object.keys(manifest).find((key) => manifest[key].isEntry);
const SCREENS = [ENTRY, 'src/screens/join/JoinScreen.svelte', 'src/screens/stage/Stage.svelte'];
const LOCALES = Object.keys(manifest).filter((key) => key.endsWith('.live.part.ts'));

function collect(keys) {
  const files = new Set(['index.html']);
  const seen = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const chunk = manifest[key];
    if (chunk === undefined) throw new Error(`size: ${key} is not in the manifest`);
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const next of chunk.imports ?? []) visit(next);
  };
  keys.forEach(visit);
  return [...files];
}

let worst = 0;
for (const locale of LOCALES) {
  const rows = collect([...SCREENS, locale]).map((file) => {
    const bytes = readFileSync(dist + file);
    return { file, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
  });
  const total = (kind) => rows.reduce((sum, row) => sum + row[kind], 0);
  worst = Math.max(worst, total('gzip'));
  console.log(`${locale}: ${(total('gzip') / 1024).toFixed(1)} KB gzip, ${(total('brotli') / 1024).toFixed(1)} KB brotli`);
  if (process.argv.includes('--files')) {
    for (const row of rows.sort((one, other) => other.gzip - one.gzip)) {
      console.log(`  ${String(row.gzip).padStart(7)} ${row.file}`);
    }
  }
}
console.log(`budget ${BUDGET_BYTES / 1024} KB, worst ${(worst / 1024).toFixed(1)} KB`);
if (worst > BUDGET_BYTES) process.exit(1);
