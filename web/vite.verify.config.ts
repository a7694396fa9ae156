import { svelte } from '@sveltejs/vite-plugin-svelte';
import { createHash } from 'node:crypto';
import { defineConfig, type Plugin } from 'vite';
import { localeParts } from './scripts/locale-parts.ts';

/**
 * The verification page as one file that runs from a disk: script and style stand in it, and its own
 * policy names them by their hashes and forbids every request. The server sends the same policy.
 */
function oneFile(): Plugin {
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return {
    name: 'plenary-one-file',
    enforce: 'post',
    generateBundle(_, bundle) {
      let [script, style] = ['', ''];
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type === 'chunk') script += part.code;
        else if (name.endsWith('.css')) style += String(part.source);
        else continue;
        delete bundle[name];
      }
      const page = Object.values(bundle).find(({ fileName }) => fileName === 'verify.html');
      if (page?.type !== 'asset') throw new Error('the verification page is missing');
      script = script.trim().replaceAll('</script', '<\\/script');
      style = style.trim();
      const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; img-src data:; base-uri 'none'; form-action 'none'`;
      const html = String(page.source).replace(/\s*<script[^>]*><\/script>/g, '').replace(/\s*<link rel="(?:stylesheet|modulepreload)"[^>]*>/g, '');
      page.source = html
        .replace('<head>', () => `<head>\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`)
        .replace('</head>', () => `  <style>${style}</style>\n  </head>`)
        .replace('</body>', () => `  <script type="module">${script}</script>\n  </body>`);
    },
  };
}

export default defineConfig({
  plugins: [localeParts(), svelte(), oneFile()],
  publicDir: false,
  build: {
    target: 'es2022',
    emptyOutDir: false,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: { input: 'verify.html', output: { codeSplitting: false } },
  },
});
