import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const SERVER = process.env.PLENARY_SERVER ?? 'http://localhost:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // The strict content security policy allows neither inline scripts nor data: addresses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // A manifest lets scripts/size.mjs follow the imports of a participant's first visit.
    manifest: true,
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      '/api': { target: SERVER, ws: true },
      '/whip': SERVER,
      '/whep': SERVER,
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
