/** The Launch against containerd's CRI, asked as the kubelet asks: the same images and settings, read from inside, field by field. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubeletImageUser } from '../../src/launch/user-request.ts';
import type { ProfileName } from '../../src/platform/platform.ts';
import { profile, withOverrides, withRuntime } from '../../src/platform/profiles.ts';
import { startContainerd, whyNoContainerd } from '../support/containerd.ts';
import { STARTED } from './identity-cases.ts';
import { compare, predicted } from './identity-compare.ts';
import { type CriRuntime, criRuntime, sandboxImage } from './identity-cri.ts';
import { buildImages, type ImageSet, whyNoShow } from './identity-image.ts';
import { identitySuite } from './identity-suite.ts';

const lacking = whyNoContainerd ?? whyNoShow;
const nameOf = (version: string): ProfileName => (/^v?1\./.test(version) ? 'containerd-1' : 'containerd-2');

identitySuite({
  runtime: 'containerd',
  title: 'containerd through CRI',
  lacking,
  atOnce: 4,
  async start(images, folder) {
    const pause = sandboxImage(folder);
    const containerd = await startContainerd({ sandboxImage: pause.tag });
    const runc = execFileSync('runc', ['--version'], { encoding: 'utf8' });
    return criRuntime(containerd, [pause.archive, images.archive], {
      version: `containerd ${containerd.version} with ${runc.split('\n')[0]?.replace(' version', '')}`,
      profile: withRuntime(profile(nameOf(containerd.version), containerd.version), 'runc', runc),
    });
  },
  more(running) {
    it("reads every image's USER as ImageStatus does", async () => {
      const { runtime, images } = running();
      for (const { tag, subject } of images.images) {
        const { uid, username } = await (runtime as CriRuntime).imageStatus(tag);
        const said = kubeletImageUser(subject.config.user);
        const told = { ...(uid === null ? {} : { uid: Number(uid.value) }), ...(username === '' ? {} : { name: username }) };
        expect({ user: subject.config.user, ...told }).toEqual({ user: subject.config.user, ...said });
      }
    });
  },
});

/** The same daemon told to give devices to who the pod asks for. */
describe.skipIf(lacking !== undefined)('containerd with device_ownership_from_security_context', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-identity-devices-'));
  const withDevices = STARTED.filter((one) => one.on.includes('containerd') && one.settings?.devices !== undefined);
  let runtime: CriRuntime | undefined;
  let images: ImageSet;
  beforeAll(async () => {
    images = buildImages(folder, `unroot-devices-${process.pid}`, withDevices);
    const pause = sandboxImage(folder);
    const containerd = await startContainerd({ sandboxImage: pause.tag, deviceOwnershipFromSecurityContext: true });
    const runc = execFileSync('runc', ['--version'], { encoding: 'utf8' });
    const rules = withRuntime(profile(nameOf(containerd.version), containerd.version), 'runc', runc);
    runtime = criRuntime(containerd, [pause.archive, images.archive], {
      version: containerd.version,
      profile: withOverrides(rules, { deviceOwnershipFromSecurityContext: true, source: 'config.toml' }),
    });
  });
  afterAll(async () => {
    await runtime?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  it.each(withDevices.map((one) => ({ name: one.name, one })))('$name', async ({ one }) => {
    const running = runtime as CriRuntime;
    const image = images.imageOf(one);
    const observed = await running.run(one, image);
    const { said, seen } = compare(predicted(one, image, running.profile, running.host), image, observed);
    expect(seen).toEqual(said);
  });
  it('the cases tell the option from its absence', () => {
    const owners = withDevices.map((one) => {
      const rules = (runtime as CriRuntime).profile;
      const [on, off] = [true, false].map((value) => {
        const outcome = predicted(
          one,
          images.imageOf(one),
          { ...rules, deviceOwnershipFromSecurityContext: value },
          (runtime as CriRuntime).host,
        );
        return outcome.kind === 'launch' ? outcome.devices : undefined;
      });
      return JSON.stringify(on) !== JSON.stringify(off);
    });
    expect(owners.filter(Boolean).length).toBeGreaterThan(2);
  });
});
