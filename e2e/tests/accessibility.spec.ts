/**
 * axe finds nothing on any screen in any state, in three languages and both themes; nothing scrolls
 * sideways from 320 to 1280 pixels.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import type { Person } from '../harness/person.ts';
import { House, walk } from '../harness/scenes.ts';

/** Widths at which a layout is likeliest to break: the smallest phone, and the narrowest of each
 * arrangement in columns. */
const WIDTHS = [320, 768, 1024, 1280];

test('every screen: axe, both themes, all widths', async () => {
  test.setTimeout(900_000);
  const house = await House.open();
  const faults = await walk(house, async (scene, viewer, language) => {
    const where = `${scene.name} ${language}`;
    const found = await axe(viewer, `${where} light`);
    await viewer.page.emulateMedia({ colorScheme: 'dark' });
    found.push(...(await axe(viewer, `${where} dark`, ['color-contrast'])));
    await viewer.page.emulateMedia({ colorScheme: 'light' });
    found.push(...(await sideways(viewer, where)));
    return found;
  });
  faults.push(...(await house.close()));
  expect(faults).toEqual([]);
});

async function axe(viewer: Person, where: string, rules?: string[]): Promise<string[]> {
  // Our pages have no frames; the older way of axe-core needs no page of its own for its results.
  let builder = new AxeBuilder({ page: viewer.page }).setLegacyMode(true);
  if (rules !== undefined) builder = builder.withRules(rules);
  const { violations } = await builder.analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${where}: ${id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}

/** Which elements make the page wider than its window. */
async function sideways(viewer: Person, where: string): Promise<string[]> {
  const size = viewer.page.viewportSize()!;
  const faults: string[] = [];
  for (const width of WIDTHS) {
    await viewer.page.setViewportSize({ width, height: width < 600 ? 844 : 800 });
    const wide = await viewer.page.evaluate(() => {
      const root = document.scrollingElement!;
      if (root.scrollWidth <= window.innerWidth) return [];
      const beyond = [...document.querySelectorAll('body *')].filter((element) => {
        const box = element.getBoundingClientRect();
        return box.right > window.innerWidth + 1 || box.left < -1;
      });
      return beyond.slice(-3).map((element) => `${element.tagName}.${element.className}`);
    });
    if (wide.length > 0) faults.push(`${where}: wider than ${width} px: ${wide.join(' ')}`);
  }
  await viewer.page.setViewportSize(size);
  return faults;
}
