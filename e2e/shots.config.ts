import { defineConfig } from '@playwright/test';
import tests from './playwright.config.ts';

/** Pictures of every screen into shots/, to be looked at by people: `npm run shots`. */
export default defineConfig({ ...tests, testDir: '.', testMatch: 'shots.ts', globalTimeout: 30 * 60_000 });
