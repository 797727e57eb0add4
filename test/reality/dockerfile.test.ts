/** Dockerfiles built by buildah, and what the model says they become: identity, settings, and the owner and mode of every file. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predictBuild } from '../../src/build/predict-build.ts';
import { configOf } from '../../src/build/predicted-image.ts';
import type { StageState } from '../../src/build/stage-state.ts';
import type { Image } from '../../src/image/image.ts';
import { openImage } from '../../src/image/sources/index.ts';
import { readBuildContext } from '../../src/input/build-context.ts';
import { parseDockerfile } from '../../src/text/dockerfile/parse-dockerfile.ts';
import { sourceFile } from '../../src/text/source-file.ts';
import { readStages } from '../../src/workload/formats/dockerfile/stages.ts';
import { type Buildah, openBuildah, type RealBuild, whyNoBuildah } from '../support/buildah.ts';
import { recordConformance } from '../support/conformance.ts';
import { debianImage, whyNoDebianImages } from '../support/debian-image.ts';
import { archives, BASE_IMAGE, dockerfiles, pieces } from './dockerfiles.ts';

const why = whyNoBuildah() ?? whyNoDebianImages();
if (why !== undefined) console.warn(`SKIPPED: Dockerfiles against buildah: ${why}`);

const BASE = 'localhost/base:1';
/** Of the tools' own: locks, copies and logs; and what the builder lays over the root. */
const NOISE =
  /^\/(?:proc|sys|dev|run)(?:\/|$)|^\/etc\/(?:(?:passwd|group|shadow|gshadow|subuid|subgid)-?|resolv\.conf|hosts|hostname|\.pwd\.lock)$|^\/var\/(?:log|cache|lib\/apt|spool\/mail)(?:\/|$)|^\/$/;
const TYPES: Readonly<Record<string, string>> = { f: 'file', d: 'directory', l: 'symlink' };

describe.skipIf(why !== undefined)('Dockerfiles against buildah', () => {
  let buildah: Buildah;
  let base: Image;
  let context: string;
  let compared = 0;
  const counts: Record<string, number> = {};

  beforeAll(async () => {
    const image = await debianImage(BASE_IMAGE);
    buildah = openBuildah();
    buildah.pull(image.reference, BASE);
    base = await openImage(image.reference);
    context = mkdtempSync(join(tmpdir(), 'unroot-context-'));
    makeContext(context);
  });

  afterAll(async () => {
    buildah?.close();
    await base?.close();
    if (context !== undefined) rmSync(context, { recursive: true, force: true });
    if (compared > 0)
      recordConformance({
        id: 'dockerfile',
        title: 'build/predict-build.ts against built images: settings, and owner and mode of every file',
        against: execFileSync('buildah', ['--version'], { encoding: 'utf8' }).trim(),
        compared,
        mismatches: 0,
        counts,
      });
  });

  const predict = async (text: string): Promise<StageState> => {
    const stages = readStages(parseDockerfile(sourceFile('Dockerfile', text)));
    const build = await predictBuild(stages, [stages.stages.at(-1)!], {
      base: async (reference) => (reference === BASE ? { image: base } : { missing: `no ${reference}` }),
      context: readBuildContext(context),
    });
    expect(build.problems).toEqual([]);
    return build.built.get(stages.stages.length - 1)!.state;
  };

  const compare = async (text: string): Promise<void> => {
    const state = await predict(text);
    const broken = state.facts.find((fact) => fact.kind === 'needs-root');
    if (broken?.kind === 'needs-root') {
      expect(broken.sure).toBe(true);
      expect(() => buildah.build(text, context), `${broken.command}: ${broken.why}`).toThrow();
      counts['build breaks'] = (counts['build breaks'] ?? 0) + 1;
      compared += 1;
      return;
    }
    expect(state.opaque.map((step) => step.text)).toEqual([]);
    const image = buildah.build(text, context);
    const real = buildah.read(image);
    expect(differences(state, real)).toEqual([]);
    compared += 1;
    for (const { name } of parseDockerfile(sourceFile('Dockerfile', text)).instructions) counts[name] = (counts[name] ?? 0) + 1;
  };

  it.each(dockerfiles.map((text, index) => [index, text] as const))('written %i', async (_, text) => compare(text));

  it.each(archives.map((text, index) => [index, text] as const))('archives %i', async (_, text) => compare(text));

  it('knows what it cannot unpack', async () => {
    const state = await predict(`FROM ${BASE}\nADD filtered.tar.xz /opt/other\n`);
    expect(state.opaque.map(({ text, path }) => [text, path])).toEqual([
      [
        expect.stringMatching(/^ADD filtered\.tar\.xz unpacks an archive that cannot be read here \(.*uses a filter/),
        '/opt/other',
      ],
    ]);
    expect(state.tree.get('/opt/other/filtered.tar.xz')).toBeUndefined();
  });

  it.each(Array.from({ length: Number(process.env.UNROOT_REALITY_DOCKERFILES ?? 24) }, (_, seed) => seed))(
    'made of pieces, seed %i',
    async (seed) => {
      let random = seed * 7919 + 17;
      const next = (below: number): number => {
        random = (random * 1103515245 + 12345) & 0x7fffffff;
        return (random >> 8) % below;
      };
      const chosen = Array.from({ length: 4 + next(7) }, () => pieces[next(pieces.length)]!);
      await compare(`FROM ${BASE}\n${[...new Set(chosen)].join('\n')}\n`);
    },
  );
});

function differences(state: StageState, real: RealBuild): string[] {
  const out: string[] = [];
  const config = configOf(state);
  const same = (name: string, model: unknown, built: unknown): void => {
    if (JSON.stringify(model) !== JSON.stringify(built))
      out.push(`${name}: model ${JSON.stringify(model)}, built ${JSON.stringify(built)}`);
  };
  same('User', config.user, real.config.User ?? '');
  same('Entrypoint', config.entrypoint, real.config.Entrypoint ?? []);
  same('Cmd', config.cmd, real.config.Cmd ?? []);
  same('WorkingDir', config.workingDir, real.config.WorkingDir ?? '');
  same('Env', [...config.env].sort(), [...(real.config.Env ?? [])].sort());
  same('ExposedPorts', [...config.exposedPorts].sort(), Object.keys(real.config.ExposedPorts ?? {}).sort());
  same('Volumes', [...config.volumes].sort(), Object.keys(real.config.Volumes ?? {}).sort());
  const seen = new Set<string>();
  for (const entry of state.tree.entries()) {
    if (NOISE.test(entry.path)) continue;
    seen.add(entry.path);
    const built = real.entries.get(entry.path);
    const model = `${entry.type} ${entry.uid}:${entry.gid} ${entry.type === 'symlink' ? entry.target : entry.mode.toString(8)}`;
    const found =
      built === undefined
        ? 'nothing'
        : `${TYPES[built.type]} ${built.uid}:${built.gid} ${built.type === 'l' ? built.target : built.mode.toString(8)}`;
    if (model !== found) out.push(`${entry.path}: model ${model}, built ${found}`);
    if ((entry.fileCapabilities !== undefined) !== real.capabilities.has(entry.path))
      out.push(
        `${entry.path}: capabilities, model ${JSON.stringify(entry.fileCapabilities)}, built ${real.capabilities.get(entry.path)}`,
      );
  }
  // buildah makes the folders of volumes when something is run; BuildKit does not.
  for (const [path, { type }] of real.entries)
    if (!NOISE.test(path) && !seen.has(path) && !config.volumes.includes(path))
      out.push(`${path}: not in the model, built ${TYPES[type] ?? type}`);
  return out.slice(0, 20);
}

function makeContext(folder: string): void {
  const file = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
    chmodSync(join(folder, path), mode);
  };
  file('app/server.sh', '#!/bin/sh\nexec sleep 1000\n', 0o755);
  file('app/config/app.conf', 'port = 80\n', 0o640);
  file('app/static/index.html', '<h1>hello</h1>\n');
  file('app/static/css/site.css', 'body{}\n', 0o600);
  file('entry.sh', '#!/bin/sh\nexec "$@"\n', 0o755);
  file('notes.txt', 'notes\n');
  file('secret.key', 'secret\n', 0o600);
  file('.dockerignore', '*.key\n**/*.tmp\n');
  file('app/cache.tmp', 'x');
  const packed = mkdtempSync(join(tmpdir(), 'unroot-packed-'));
  mkdirSync(join(packed, 'bin'), { mode: 0o750 });
  writeFileSync(join(packed, 'bin/tool'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(packed, 'private'), 'x\n', { mode: 0o600 });
  linkSync(join(packed, 'private'), join(packed, 'same'));
  symlinkSync('bin/tool', join(packed, 'link'));
  chownSync(join(packed, 'bin/tool'), 33, 50);
  chmodSync(join(packed, 'bin'), 0o750);
  execFileSync('tar', ['-C', packed, '-cf', join(folder, 'plain.tar'), '.']);
  execFileSync('tar', ['-C', packed, '--owner=7', '--group=8', '-czf', join(folder, 'packed.tgz'), 'bin', 'private']);
  execFileSync('sh', ['-c', `gzip -c notes.txt > notes.gz && tar -C ${packed} -cJf other.tar.xz bin private`], { cwd: folder });
  execFileSync('tar', ['-C', packed, '-cjf', join(folder, 'other.tbz2'), '.']);
  // Told by what is in it, not by its name.
  execFileSync('sh', ['-c', 'cp other.tbz2 rootfs.img && xz -c --x86 --lzma2 plain.tar > filtered.tar.xz'], { cwd: folder });
  rmSync(packed, { recursive: true });
  symlinkSync('static/index.html', join(folder, 'app/home.html'));
  chmodSync(join(folder, 'app/config'), 0o750);
}
