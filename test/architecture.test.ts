/** The shape of the program as a test: layer order, no import cycles, who may touch the outside world, file length. See ARCHITECTURE.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root: string = fileURLToPath(new URL('..', import.meta.url));

/** A folder (or file) may import what stands in earlier rows, and itself. Members of one row never import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['error.ts'],
  ['text'],
  ['linux'],
  ['image'],
  ['platform'],
  ['workload'],
  ['build'],
  ['launch', 'pod-security'],
  ['engine'],
  ['trace'],
  ['finding'],
  ['checks', 'recipes', 'fixes', 'pod'],
  ['prove', 'explain'],
  ['compose'],
  ['report'],
  ['input'],
  ['unroot.ts'],
  ['lab'],
  ['cli', 'webhook'],
];

/** The doors to the file system, the network and child processes. Everything else must also run in a browser. */
const OUTSIDE_WORLD: readonly string[] = [
  'image/sources/',
  'image/sinks/',
  'engine/',
  'trace/tracers/',
  'input/',
  'cli/',
  'webhook/',
  'lab/',
];

/** Packages, and the folders that may use them (a prefix of the path inside src; '' = anywhere). */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  yaml: [''],
  fzstd: ['image/'],
  'xz-decompress': ['image/sources/'],
  'smol-toml': ['image/sources/registry/'],
  diff: ['text/'],
  execa: OUTSIDE_WORLD,
  commander: ['cli/'],
  '@kubernetes/client-node/dist/config.js': ['input/cluster/'],
  unbash: ['recipes/', 'build/'],
  ws: ['lab/serve/'],
  '@lydell/node-pty': ['lab/serve/'],
};

/** Files that may be longer than 300 lines, each with the reason. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'text/yaml/simple.ts': 'one parser with one cursor',
};

type Sources = ReadonlyMap<string, string>;

function readSources(): Sources {
  const found = new Map<string, string>();
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.name.endsWith('.test.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(path.slice(join(root, 'src/').length), readFileSync(path, 'utf8'));
  }
  return found;
}

/** The code of a file: no comments, and no programs kept as raw text to be started elsewhere. */
const withoutComments = (text: string): string =>
  text
    .replace(/String\.raw`[^`]*`/g, '')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:'"`])\/\/.*$/gm, '$1');

/** Every module a file names: static, type-only, re-exported, dynamic, and `import('…')` in types. */
function importsOf(text: string): readonly string[] {
  return [...withoutComments(text).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\n]+)['"]/g)].map(
    (match) => match[1] as string,
  );
}

const localImports = (file: string, text: string): readonly string[] =>
  importsOf(text)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)));

const topOf = (file: string): string => file.split('/')[0] as string;
const rowOf = (top: string): number => LAYERS.findIndex((row) => row.includes(top));
const mayTouchOutside = (file: string): boolean => OUTSIDE_WORLD.some((prefix) => file.startsWith(prefix));

function layerViolations(sources: Sources): string[] {
  const out: string[] = [];
  for (const [file, text] of sources) {
    if (rowOf(topOf(file)) < 0) out.push(`${file}: no layer is called ${topOf(file)}`);
    for (const target of localImports(file, text)) {
      const [from, to] = [topOf(file), topOf(target)];
      if (target.startsWith('..')) out.push(`${file}: imports ${target}, outside src`);
      else if (!target.endsWith('.ts') || !sources.has(target)) out.push(`${file}: imports ${target}, which is no source file`);
      else if (from !== to && rowOf(to) >= rowOf(from)) {
        out.push(`${file}: ${from} may not import ${to} (${target})`);
      }
    }
  }
  return out;
}

function outsideViolations(sources: Sources): string[] {
  const out: string[] = [];
  for (const [file, text] of sources) {
    for (const name of importsOf(text).filter((one) => !one.startsWith('.'))) {
      if (name.startsWith('node:')) {
        if (!mayTouchOutside(file)) out.push(`${file}: pure layers import no ${name}`);
      } else if (!PACKAGES[name]?.some((prefix) => file.startsWith(prefix))) out.push(`${file}: may not use the package ${name}`);
    }
    const code = withoutComments(text);
    if (mayTouchOutside(file)) continue;
    if (/\bBuffer\.(?:from|alloc|concat|byteLength)/.test(code)) out.push(`${file}: Buffer does not exist in a browser`);
    const ownVariable = /\b(?:const|let|function)\s+\{?\s*process\b|[(,]\s*process\s*[:,)]/.test(code);
    if (!ownVariable && /(?<!\.)\bprocess\.(?:env|cwd|platform|exit|std(?:in|out|err)|argv|pid|getuid|on)\b/.test(code)) {
      out.push(`${file}: pure layers do not look at the process they run in`);
    }
  }
  return out;
}

/** The first cycle through each file, as `a → b → a`; each ring is reported once. */
function cycles(sources: Sources): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const out: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      out.push([...path.slice(path.indexOf(file)), file].join(' → '));
      return;
    }
    state.set(file, 'open');
    for (const target of localImports(file, sources.get(file) ?? '')) if (sources.has(target)) visit(target, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of sources.keys()) visit(file, []);
  return out;
}

function shapeViolations(sources: Sources, longFiles: Readonly<Record<string, string>> = {}): string[] {
  const out: string[] = [];
  for (const [file, text] of sources) {
    const lines = text.split('\n').length - 1;
    if (lines > 300 && longFiles[file] === undefined) out.push(`${file}: ${lines} lines; split it, or list it with a reason`);
    if (!/^(?:#!.*\n)?(?:\/\*\*|\/\/)/.test(text)) out.push(`${file}: its first line must say its job`);
    if (/(?:^|\/)(?:utils?|helpers?|misc|common)(?:\.ts|\/)/.test(file))
      out.push(`${file}: a drawer; name it after what it holds`);
  }
  for (const file of Object.keys(longFiles))
    if (!sources.has(file)) out.push(`${file}: listed as long, but there is no such file`);
  return out;
}

describe('architecture', () => {
  const sources = readSources();

  it('reads the sources', () => expect(sources.size).toBeGreaterThan(10));
  it('lets a folder import earlier folders only', () => expect(layerViolations(sources)).toEqual([]));
  it('has no import cycles', () => expect(cycles(sources)).toEqual([]));
  it('touches the outside world through its doors only', () => expect(outsideViolations(sources)).toEqual([]));
  it('keeps files small and labelled', () => expect(shapeViolations(sources, LONG_FILES)).toEqual([]));
});

describe('the rules themselves', () => {
  const tree = (files: Readonly<Record<string, string>>): Sources => new Map(Object.entries(files));

  it('see an import of a later layer, of a neighbour in the row, and of nothing', () => {
    const sources = tree({
      'linux/a.ts': `import type { X } from '../engine/b.ts';`,
      'engine/b.ts': `import { z } from '../linux/missing.ts';`,
      'checks/c.ts': `export { f } from '../fixes/f.ts';`,
      'fixes/f.ts': `type T = import('../linux/a.ts').X;`,
      'drawer/x.ts': '',
    });
    expect(layerViolations(sources)).toEqual([
      'linux/a.ts: linux may not import engine (engine/b.ts)',
      'engine/b.ts: imports linux/missing.ts, which is no source file',
      'checks/c.ts: checks may not import fixes (fixes/f.ts)',
      'drawer/x.ts: no layer is called drawer',
    ]);
  });

  it('see the outside world', () => {
    const sources = tree({
      'linux/a.ts': `import { readFileSync } from 'node:fs';`,
      'image/b.ts': `import('execa'); const x = Buffer.from(process.env.X);`,
      'image/sources/c.ts': `import fs from 'node:fs'; import { execa } from 'execa';`,
      'launch/d.ts': `// import 'node:fs' in a comment\nconst process = spec(); use(process.env);`,
    });
    expect(outsideViolations(sources)).toEqual([
      'linux/a.ts: pure layers import no node:fs',
      'image/b.ts: may not use the package execa',
      'image/b.ts: Buffer does not exist in a browser',
      'image/b.ts: pure layers do not look at the process they run in',
    ]);
  });

  it('see a cycle once', () => {
    const sources = tree({ 'a.ts': `import './b.ts'`, 'b.ts': `import './c.ts'`, 'c.ts': `import './b.ts'` });
    expect(cycles(sources)).toEqual(['b.ts → c.ts → b.ts']);
  });

  it('see long, unlabelled and badly named files', () => {
    const sources = tree({ 'text/long.ts': `// long\n${'\n'.repeat(301)}`, 'text/utils.ts': 'export {}' });
    expect(shapeViolations(sources)).toHaveLength(3);
  });
});
