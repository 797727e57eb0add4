/**
 * The Launch against containerd 2 and a current runc. `npm run reality:runtimes` builds both, sets UNROOT_REALITY_BIN and so runs the cases and
 * records what was told; without it the record is held against the model.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { PROFILES, profile, withRuntime } from '../../src/platform/profiles.ts';
import { startContainerd, whyNoContainerd } from '../support/containerd.ts';
import { type CriRuntime, criRuntime, sandboxImage } from './identity-cri.ts';
import { whyNoShow } from './identity-image.ts';
import { readRecorded, writeRecorded } from './identity-recorded.ts';
import { identitySuite } from './identity-suite.ts';

const RECORD = fileURLToPath(new URL('recorded/containerd-2.json', import.meta.url));
const VERSION = /^containerd v?(\S+) with runc ([^\s,]+)/;
const binaries = process.env.UNROOT_REALITY_BIN;
const recorded = binaries === undefined ? readRecorded(RECORD) : undefined;
if (binaries === undefined)
  console.warn('SKIPPED: ContainerStatus.user of containerd 2: npm run reality:runtimes builds it and asks');

identitySuite({
  runtime: 'containerd-2',
  also: 'containerd',
  title: binaries === undefined ? 'containerd 2, as recorded' : 'containerd 2',
  lacking:
    recorded !== undefined
      ? undefined
      : binaries === undefined
        ? 'nothing is recorded: npm run reality:runtimes'
        : (whyNoContainerd ?? whyNoShow),
  atOnce: 4,
  recorded: recorded !== undefined,
  async start(images, folder) {
    if (recorded !== undefined) {
      return {
        version: `containerd ${recorded.runtime} with runc ${recorded.runc}, recorded ${recorded.recorded}`,
        profile: withRuntime(profile('containerd-2', recorded.runtime), 'runc', recorded.runc),
        host: recorded.host,
        async run(one) {
          const told = recorded.observed[one.name];
          if (told === undefined) throw new Error(`"${one.name}" is not recorded: npm run reality:runtimes`);
          return told;
        },
        async stop() {},
      };
    }
    const runc = join(binaries as string, 'runc');
    const pause = sandboxImage(folder);
    const containerd = await startContainerd({ sandboxImage: pause.tag, binaries: { folder: binaries as string, runc } });
    const version = execFileSync(runc, ['--version'], { encoding: 'utf8' });
    return criRuntime(containerd, [pause.archive, images.archive], {
      version: `containerd ${containerd.version} with ${version.split('\n')[0]?.replace(' version', '')}`,
      profile: withRuntime(profile('containerd-2', containerd.version), 'runc', version),
    });
  },
  finished(runtime, observed) {
    if (binaries === undefined) return;
    const [, containerd, runc] = VERSION.exec(runtime.version) ?? [];
    writeRecorded(RECORD, {
      runtime: containerd as string,
      runc: runc as string,
      recorded: new Date().toISOString().slice(0, 10),
      host: runtime.host,
      observed,
    });
  },
  more(running) {
    it('docs/profiles.md names what was seen', () => {
      const [, containerd, runc] = VERSION.exec(running().runtime.version) ?? [];
      const [newest] = PROFILES['containerd-2'];
      expect(newest?.observed).toContain(`${containerd} with runc ${runc}, recorded`);
    });
    it.skipIf(binaries === undefined)('ContainerStatus.user is the Launch', () => {
      const { runtime, launches } = running();
      const { users } = runtime as CriRuntime;
      expect(users.size).toBeGreaterThan(100);
      for (const [name, told] of users) {
        const launch = launches.get(name);
        if (launch === undefined) continue;
        const said = { uid: String(launch.uid), gid: String(launch.gid), supplementalGroups: launch.groups.map(String) };
        expect({ name, ...told, supplementalGroups: [...told.supplementalGroups].sort() }).toEqual({
          name,
          ...said,
          supplementalGroups: [...said.supplementalGroups].sort(),
        });
      }
    });
  },
});
