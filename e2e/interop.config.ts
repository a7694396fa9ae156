import { defineConfig } from '@playwright/test';
import tests from './playwright.config.ts';

/** Clients that are not Chromium; those that are not installed are skipped: `npm run interop`. */
export default defineConfig({ ...tests, testDir: '.', testMatch: 'interop.ts' });
