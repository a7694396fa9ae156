import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { localeParts } from './scripts/locale-parts.ts';

const SERVER = process.env.PLENARY_SERVER ?? 'http://localhost:8080';

/** Modules of a participant's first visit: see scripts/size.mjs for its budget. */
const FIRST_VISIT =
  /node_modules\/(svelte|esm-env|clsx)\/|src\/(App|router)|src\/(api|call(?!\/(listen|jitter|preflight|statistics|voice-worklet))|format\/(names|time)|state)\/|src\/i18n|src\/screens\/(stage\/Stage|join\/(JoinScreen|ListenerJoin|Lobby|view))|src\/components\/(Button|Clock|FloorSentence|FullNotice|HandButton|Icon|JoinHead|LanguageNav|LineNotice|LineQuality|LiveHead|Mark|marks|NamePlate|Notice|PartTitle|PeopleOnStage|PersonPicture|Plate|PlateVoiceOnly|ProgrammeRail|RecordBadge|Run|SegmentLine|TimeBar|Toast|Key|Voices)\b/;

export default defineConfig({
  plugins: [localeParts(), svelte()],
  build: {
    target: 'es2022',
    // The strict content security policy allows neither inline scripts nor data: addresses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // A manifest lets scripts/size.mjs follow the imports of a participant's first visit.
    manifest: true,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // What a participant's first visit needs is one file: two dozen small ones compress worse
        // and take more requests on a slow line.
        codeSplitting: { groups: [{ name: 'live', test: FIRST_VISIT }] },
      },
    },
  },
  server: {
    proxy: {
      '/api': { target: SERVER, ws: true },
      '/check': SERVER,
      '/whip': SERVER,
      '/whep': SERVER,
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
