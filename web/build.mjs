// Builds the workshop's page into a folder. No file of it may need another origin, an inline script or an inline style: the server's policy forbids them.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));

/**
 * xterm.js writes style elements and style attributes, which a strict policy refuses. Both have a twin in the CSS object model that it allows: an
 * adopted style sheet, and `element.style`. When a new version of xterm.js writes its lines otherwise, the build fails here, not the page later.
 */
export const strictTerminal = {
  name: 'strict-terminal',
  transform(code, id) {
    if (!/@xterm\/xterm\/lib\/xterm\.mjs/.test(id)) return;
    let styles = 0;
    let attributes = 0;
    const strict = code
      .replaceAll(/[\w.]+\.createElement\("style"\)/g, () => {
        styles += 1;
        return 'adoptedStyle()';
      })
      .replaceAll(
        /(\w+)\.setAttribute\("style",`\$\{\1\.getAttribute\("style"\)\|\|""\}\$\{(\w+)\};`\)/g,
        (_, element, style) => {
          attributes += 1;
          return `(${element}.style.cssText+=${style}+";")`;
        },
      );
    if (styles !== 3 || attributes !== 1 || /setAttribute\("style"/.test(strict))
      throw new Error(
        `xterm.js changed: ${styles} style elements and ${attributes} style attributes were made strict, 3 and 1 expected`,
      );
    return { code: `import { adoptedStyle } from ${JSON.stringify(`${root}adopted-style.ts`)};\n${strict}`, map: null };
  },
};

export async function buildPage(outDir, version) {
  await build({
    root,
    base: './',
    configFile: false,
    logLevel: 'warn',
    define: { __UNROOT_VERSION__: JSON.stringify(version) },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    plugins: [strictTerminal],
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2023',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { version } = JSON.parse(readFileSync(`${root}../package.json`, 'utf8'));
  await buildPage(
    process.argv[2] === undefined ? fileURLToPath(new URL('../dist/lab', import.meta.url)) : resolve(process.argv[2]),
    version,
  );
}
