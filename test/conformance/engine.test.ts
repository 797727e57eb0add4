/** Runs the suite against every engine of this machine; one that is missing is skipped aloud. */
import { execFileSync } from 'node:child_process';
import { describe, it } from 'vitest';
import type { Engine, EngineStatus } from '../../src/engine/engine.ts';
import { detectPodman, podmanEngine } from '../../src/engine/podman.ts';
import { whyNoBusyboxImage } from './busybox-image.ts';
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
];

for (const { name, detect, make } of candidates) {
  const { available, reason, install } = await detect();
  const missing = available ? whyNoBusyboxImage : `${reason}${install === undefined ? '' : `: ${install}`}`;
  if (missing === undefined) engineConformance(name, make);
  else {
    console.warn(`SKIPPED: engine ${name}: ${missing}`);
    describe.skip(`engine ${name} (${missing})`, () => {
      it('is not tested here', () => {});
    });
  }
}
void plain;
