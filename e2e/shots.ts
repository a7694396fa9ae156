/** Pictures of every screen in three languages, two sizes and both themes. */
import { mkdir, rm } from 'node:fs/promises';
import { test } from '@playwright/test';
import { desktop, phone } from './harness/person.ts';
import { House, languages, type LanguageTag, walk } from './harness/scenes.ts';

test('pictures of every screen', async () => {
  test.setTimeout(20 * 60_000);
  const folder = process.env['SHOTS'] ?? 'shots';
  if (process.env['SCENES'] === undefined) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const chosen = (process.env['LANGUAGES']?.split(',') as LanguageTag[] | undefined) ?? languages;
  const house = await House.open();
  const faults = await walk(house, async (scene, viewer, language) => {
    const { page } = viewer;
    for (const [size, viewport] of [['desktop', desktop], ['phone', phone]] as const) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const path = `${folder}/${scene.name}-${size}-${language}-${colorScheme}.png`;
        await page.screenshot({ path, fullPage: true });
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(desktop);
    return [];
  }, chosen);
  faults.push(...(await house.close()));
  if (faults.length > 0) throw new Error(faults.join('\n'));
});
