/** Runs the suite against every engine of this machine; one that is missing is skipped aloud. */
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { describe, it } from 'vitest';
import { detectBuiltin, openBuiltinEngine } from '../../src/engine/builtin.ts';
import { dockerApi } from '../../src/engine/docker/api.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import type { Engine, EngineStatus } from '../../src/engine/engine.ts';
import { detectPodman, podmanEngine } from '../../src/engine/podman.ts';
import { detectCrun, detectRunc, openOciEngine } from '../../src/engine/runc.ts';
import { startDockerd, whyNoDockerd } from '../support/dockerd.ts';
import { whyNotWith } from './busybox-image.ts';
import { type EngineUnderTest, engineConformance } from './engine.ts';

const lines = (program: string, ...args: string[]): string[] =>
  execFileSync(program, args, { encoding: 'utf8' }).split('\n').filter(Boolean);

interface Candidate {
  readonly name: string;
  readonly detect: () => Promise<EngineStatus>;
  readonly make: () => Promise<EngineUnderTest>;
}
const plain = (make: () => Promise<Engine>) => async (): Promise<EngineUnderTest> => ({
  engine: await make(),
  inventory: async () => [],
});

/** `what: the line that helps`, taken apart. */
function whyNot(words = ''): { readonly reason?: string; readonly install?: string } {
  const [reason = '', install] = words.split(': ');
  return { ...(reason === '' ? {} : { reason }), ...(install === undefined ? {} : { install }) };
}

const candidates: readonly Candidate[] = [
  {
    name: 'podman',
    detect: detectPodman,
    make: async () => ({
      engine: await podmanEngine(),
      inventory: async () => [
        ...lines('podman', 'ps', '--all', '--noheading', '--format', '{{.Names}}'),
        ...lines('podman', 'volume', 'ls', '--quiet'),
        ...lines('podman', 'images', '--all', '--noheading', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}'),
      ],
    }),
  },
  {
    name: 'docker',
    // A daemon of our own: nobody else's containers are near.
    detect: async () => ({
      kind: 'docker',
      available: whyNoDockerd === undefined,
      notes: [],
      ...whyNot(whyNoDockerd),
    }),
    make: async () => {
      const { socket, stop } = await startDockerd();
      const engine = await dockerEngine({ socket });
      const names = async (path: string, key: string): Promise<string[]> => {
        const body = (await dockerApi(socket, '1.41').need('GET', path)) as Record<string, unknown> | Record<string, unknown>[];
        const list = Array.isArray(body) ? body : ((body.Volumes ?? []) as Record<string, unknown>[]);
        return list.map((each) => JSON.stringify(each[key]));
      };
      return {
        engine,
        inventory: async () => [
          ...(await names('/containers/json?all=1', 'Names')),
          ...(await names('/volumes', 'Name')),
          ...(await names('/images/json?all=1', 'RepoTags')),
        ],
        socket,
        owns: (point) => point.startsWith(dirname(socket)),
        dispose: stop,
      };
    },
  },
  { name: 'runc', detect: detectRunc, make: plain(() => openOciEngine('runc')) },
  { name: 'crun', detect: detectCrun, make: plain(() => openOciEngine('crun')) },
  { name: 'builtin', detect: detectBuiltin, make: plain(() => openBuiltinEngine()) },
];

for (const { name, detect, make } of candidates) {
  const missing = whyNotWith(await detect());
  if (missing === undefined) engineConformance(name, make);
  else {
    console.warn(`SKIPPED: engine ${name}: ${missing}`);
    describe.skip(`engine ${name} (${missing})`, () => {
      it('is not tested here', () => {});
    });
  }
}
