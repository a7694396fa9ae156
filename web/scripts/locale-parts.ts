/**
 * Cuts each locale file into the parts that screens load when they need them, so that a participant
 * on a thin line does not wait for the console's texts. A language stays one file; which section
 * belongs to which part stands here alone.
 *
 * `locales/en.json?part=live` is a module with the sections of that part.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

export const PARTS = ['live', 'later', 'public', 'desk', 'captions', 'console', 'verify'] as const;
export type LocalePart = (typeof PARTS)[number];

type Messages = { [key: string]: string | Messages };

/** Sections that do not belong to the part `live`; a path names a section or a text within one. */
const ELSEWHERE: Record<string, LocalePart> = {
  'join.device': 'later',
  'join.fault': 'later',
  'join.papers': 'later',
  'line.details': 'later',
  'stage.microphone_on': 'later',
  'stage.microphone_off': 'later',
  'stage.microphone_muted': 'later',
  'stage.camera_on': 'later',
  'stage.camera_off': 'later',
  'stage.turn_off': 'later',
  'stage.turn_on': 'later',
  'stage.share': 'later',
  'stage.share_stop': 'later',
  'stage.green_room': 'later',
  'stage.green_room_text': 'later',
  'stage.green_room_wait': 'later',
  'stage.publish_failed': 'later',
  'stage.suspended_stage': 'later',
  'stage.leave_text_stage': 'later',
  'stage.device_lost': 'later',
  'stage.guest_over': 'later',
  'stage.guest_title': 'later',
  'stage.guest_text': 'later',
  'stage.guest_allow': 'later',
  'stage.guest_camera': 'later',
  'stage.guest_decline': 'later',
  'stage.guest_asking': 'later',
  zone: 'later',
  refusal: 'later',
  'record.refused': 'later',
  events: 'public',
  event: 'public',
  register: 'public',
  check: 'public',
  desk: 'desk',
  captions: 'captions',
  console: 'console',
  release: 'desk',
  verify: 'verify',
};

/** The sections of one part, in the shape of the whole. */
export function partOf(messages: Messages, part: LocalePart, path = ''): Messages {
  const out: Messages = {};
  for (const [key, value] of Object.entries(messages)) {
    const here = path === '' ? key : `${path}.${key}`;
    const owner = ELSEWHERE[here];
    if (owner !== undefined) {
      if (owner === part) out[key] = value;
    } else if (typeof value === 'string') {
      if (part === 'live') out[key] = value;
    } else {
      const inner = partOf(value, part, here);
      if (Object.keys(inner).length > 0) out[key] = inner;
    }
  }
  return out;
}

export function localeParts(): Plugin {
  const REQUEST = /^(.*\/locales\/[\w-]+\.json)\?part=(\w+)$/;
  // The name ends in .ts so that nothing takes the module for JSON, and names the language's file.
  const MODULE = /^(.*\/locales\/[\w-]+)\.(\w+)\.part\.ts$/;
  let root = '';
  return {
    name: 'plenary-locale-parts',
    enforce: 'pre',
    configResolved(config) {
      root = config.root;
    },
    async resolveId(source, importer) {
      // The development server asks by the address that it gave the module.
      if (MODULE.test(source)) return source.startsWith(root) ? source : root + source;
      const [, file, part] = REQUEST.exec(source) ?? [];
      if (file === undefined) return null;
      const found = await this.resolve(file, importer, { skipSelf: true });
      return found ? found.id.replace(/\.json$/, `.${part}.part.ts`) : null;
    },
    load(id) {
      const [, path, part] = MODULE.exec(id) ?? [];
      if (path === undefined || !PARTS.includes(part as LocalePart)) return null;
      const file = `${path}.json`;
      this.addWatchFile(file);
      const messages = JSON.parse(readFileSync(file, 'utf8')) as Messages;
      // JSON.parse of a string is read faster than an object literal.
      const text = JSON.stringify(JSON.stringify(partOf(messages, part as LocalePart)));
      return { code: `export default JSON.parse(${text});`, map: null };
    },
  };
}
