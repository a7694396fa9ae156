import { defineConfig } from '@playwright/test';
import tests from './playwright.config.ts';

/** The figures of docs/PERFORMANCE.md that a browser or the binary gives: `npm run figures`. */
export default defineConfig({
  ...tests,
  testDir: '.',
  testMatch: 'figures.ts',
  timeout: 300_000,
  reporter: [['line']],
});
