/**
 * A network that lets only some things through. The tests have a network of their own (`alone.sh`),
 * so that its packet filter is theirs, too.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';

const TABLE = 'plenary_e2e';

/** Drops what matches these nftables expressions, e.g. `udp dport 8080`. */
export function block(...matches: string[]): void {
  if (process.env['PLENARY_ALONE'] !== '1') throw new Error('only in a network of our own (alone.sh)');
  unblock();
  const rules = matches.map((match) => `add rule inet ${TABLE} out ${match} drop`);
  const script = [
    `add table inet ${TABLE}`,
    `add chain inet ${TABLE} out { type filter hook output priority 0; policy accept; }`,
    ...rules,
  ];
  execFileSync('nft', ['-f', '-'], { input: script.join('\n') });
}

/** Lets everything through again. */
export function unblock(): void {
  execFileSync('nft', ['-f', '-'], { input: `add table inet ${TABLE}\ndelete table inet ${TABLE}\n` });
}

/** The group of a browser that sits behind a firewall of its own. */
const BEHIND = 4242;

/** Matches what comes from a browser that was started with [`behindFirewall`]. */
export const fromBehind = `meta skgid ${BEHIND}`;

/** A program that starts Chromium in a group of its own, by which the packet filter knows it. */
export async function behindFirewall(chromium: string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'plenary-behind-')), 'chromium');
  await writeFile(file, `#!/bin/sh\nexec setpriv --regid ${BEHIND} --clear-groups ${chromium} "$@"\n`, { mode: 0o755 });
  return file;
}

/** By which way a page's media goes: of each connected session the pair that is in use. */
export interface Way {
  /** `host`, `prflx`, or `relay`. */
  kind: string;
  protocol: string;
  /** How the browser reaches the relay. */
  relay: string | undefined;
}

/** Remembers the page's connections; to be called before the page is opened. */
export async function watchWays(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const all: RTCPeerConnection[] = [];
    Object.assign(window, { connections: all });
    const Native = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Native {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        all.push(this);
      }
    };
  });
}

/** The ways of the page's connected sessions. */
export function ways(page: Page): Promise<Way[]> {
  return page.evaluate(async () => {
    const all = (window as unknown as { connections: RTCPeerConnection[] }).connections;
    const found: Way[] = [];
    for (const connection of all) {
      if (connection.connectionState !== 'connected') continue;
      const report = await connection.getStats();
      report.forEach((transport) => {
        if (transport.type !== 'transport') return;
        const pair = report.get(transport.selectedCandidatePairId);
        const local = pair && report.get(pair.localCandidateId);
        if (local) found.push({ kind: local.candidateType, protocol: local.protocol, relay: local.relayProtocol });
      });
    }
    return found;
  });
}
