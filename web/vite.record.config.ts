/**
 * Script and style of the record page, which the server writes itself. A build of its own, so that
 * nothing of it weighs on a participant's first visit. The two files keep their names: the server
 * adds what tells their versions apart.
 */
import { defineConfig } from 'vite';

export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      input: 'src/record/page.ts',
      output: {
        entryFileNames: 'record/page.js',
        assetFileNames: ({ names }) =>
          names.some((name) => name.endsWith('.css')) ? 'record/page.css' : 'assets/[name]-[hash][extname]',
      },
    },
  },
} as Parameters<typeof defineConfig>[0]);
