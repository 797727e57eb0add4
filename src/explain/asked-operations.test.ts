/** What is asked of a folder: a name of which nobody knows that it is taken, and the entries that the kubelet makes. */
import { expect, it } from 'vitest';
import { CONFIG } from '../../test/support/launch.ts';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { launchImage } from '../launch/launch-image.ts';
import { profile } from '../platform/profiles.ts';
import { settingsOfPod } from '../workload/formats/kubernetes/pod-settings.ts';
import type { PodSpec } from '../workload/formats/kubernetes/pod-spec.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { readQuestion } from './question.ts';

async function ask(spec: PodSpec, path: string): Promise<Explanation> {
  const subject = {
    reference: 'x',
    config: CONFIG,
    passwd: '',
    group: '',
    rootFs: memoryRootFs({ '/bin/app': { content: '', mode: 0o755 } }),
  };
  const found = settingsOfPod({ metadata: { name: 'p' }, spec }, {}).find(({ name }) => name === 'main');
  const launch = launchImage({ image: subject, settings: found?.settings ?? {}, profile: profile('containerd-2') });
  if (launch.kind === 'refusal') throw new Error(launch.message);
  return explain({ question: readQuestion([path], undefined), launch, subject, layers: [] });
}

const securityContext = { runAsUser: 1000 };
const mounts = [
  { name: 'v', mountPath: '/e' },
  { name: 'v', mountPath: '/sub', subPath: 's' },
];

it('an emptyDir mounted twice in one container can be created in, in both places', async () => {
  const spec = { volumes: [{ name: 'v', emptyDir: {} }], securityContext, containers: [{ name: 'main', volumeMounts: mounts }] };
  for (const path of ['/e', '/sub']) {
    const { answers } = await ask(spec, path);
    expect(answers.find(({ to }) => to === 'create')).toMatchObject({
      what: `creates ${path}/new-entry`,
      allowed: true,
      known: true,
    });
  }
  expect((await ask(spec, '/e')).answers.find(({ to }) => to === 'delete')).toMatchObject({ what: 'removes directory /e/s' });
});

it('a folder that another container may have filled: why it is unknown, and no invented name', async () => {
  const one = { volumeMounts: mounts.slice(0, 1) };
  const spec = {
    volumes: [{ name: 'v', emptyDir: {} }],
    securityContext,
    initContainers: [{ name: 'first', ...one }],
    containers: [{ name: 'main', ...one }],
  };
  const { answers, notes } = await ask(spec, '/e');
  const create = answers.find(({ to }) => to === 'create');
  expect(create).toMatchObject({ what: 'creates /e/new-entry', known: false });
  expect(notes.join()).toContain('what is in the volume at /e is not known before it is there');
});
