/** The pods of test/reality/kubelet once more, this time really run by `run`: what their programs print must be what they printed on a real node. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseEngine } from '../../src/engine/detect.ts';
import type { Engine, PreparedImage } from '../../src/engine/engine.ts';
import { podFolders } from '../../src/engine/pod-volumes.ts';
import { processStatus } from '../../src/engine/proc.ts';
import { openSandbox } from '../../src/engine/sandbox.ts';
import type { Image } from '../../src/image/image.ts';
import { openImage } from '../../src/image/sources/index.ts';
import { podErrors } from '../../src/launch/pod-validation.ts';
import { profile } from '../../src/platform/profiles.ts';
import type { Member } from '../../src/pod/member.ts';
import { runPod } from '../../src/pod/run-pod.ts';
import { volumePlans } from '../../src/pod/volume-plans.ts';
import { launchOf, readSubject } from '../../src/prove/subject.ts';
import type { KubernetesObject } from '../../src/workload/formats/kubernetes/objects.ts';
import { settingsOfPod } from '../../src/workload/formats/kubernetes/pod-settings.ts';
import type { PodContainer } from '../../src/workload/formats/kubernetes/pod-spec.ts';
import { surroundingsOf } from '../../src/workload/formats/kubernetes/surroundings.ts';
import { recordConformance } from '../support/conformance.ts';
import { onPath } from '../support/debian-image.ts';
import { writeLayout } from '../support/image-builder.ts';
import { layerOf } from './kubelet/built-image.ts';
import { hasImage, podOf, type Recorded, type RecordedPath, recordings, type Show } from './kubelet/recorded.ts';

const why =
  process.getuid?.() !== 0
    ? 'needs root'
    : !onPath('runc')
      ? 'apt-get install -y runc'
      : !onPath('gcc')
        ? 'apt-get install -y gcc libc6-dev'
        : undefined;
if (why !== undefined) console.warn(`SKIPPED: recorded pods, run: ${why}`);

/** What `run` says it does not do, or what lay on the node. */
function whyNotComparable(recorded: Recorded): string | undefined {
  const { pod } = podOf(recorded);
  const spec = pod.spec as Readonly<Record<string, unknown>> | undefined;
  if (spec?.hostUsers === false) return 'user namespaces are not made';
  if (spec?.hostNetwork === true || spec?.hostPID === true || spec?.hostIPC === true)
    return "the host's namespaces are this machine's";
  if (spec?.shareProcessNamespace === true) return 'process namespaces are not shared';
  if (pod.metadata?.annotations?.['unroot/host-files'] !== undefined) return 'files of the node';
  const text = JSON.stringify(spec?.volumes ?? []);
  if (/"(?:nfs|csi|persistentVolumeClaim|image|ephemeral|hostPath)":/.test(text)) return 'volumes from elsewhere';
  if (/"privileged":true/.test(JSON.stringify(spec))) return "the host's devices are not passed in";
  if (/hugepages/i.test(text)) return 'huge pages';
  return undefined;
}

const chosen = recordings().filter(
  (one) => one.node.platform === 'containerd-2' && Object.values(one.containers ?? {}).some(({ show }) => show !== undefined),
);
/** Every second one; all of them with UNROOT_ALL_PODS set. */
const comparable = chosen
  .filter((one) => whyNotComparable(one) === undefined)
  .filter((_, index) => process.env.UNROOT_ALL_PODS !== undefined || index % 2 === 0);
const left = new Map<string, number>();
for (const one of chosen) {
  const reason = whyNotComparable(one);
  if (reason !== undefined) left.set(reason, (left.get(reason) ?? 0) + 1);
}

let folder = '';
let engine: Engine;
let program: Uint8Array;
const images = new Map<string, Promise<Image>>();
const prepared = new Map<Image, Promise<PreparedImage>>();
let compared = 0;

const imageNamed = (name: string): Promise<Image> => {
  const known =
    images.get(name) ?? openImage(`oci:${writeLayout(join(folder, `image${images.size}`), layerOf(name, program))}:latest`);
  images.set(name, known);
  return known;
};

describe.skipIf(why !== undefined)('pods, run', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unroot-recorded-pods-'));
    const file = join(folder, 'show');
    const source = fileURLToPath(new URL('kubelet/show.c', import.meta.url));
    const built = spawnSync('gcc', ['-static', '-O1', '-o', file, source], { encoding: 'utf8' });
    expect(built.status, built.stderr).toBe(0);
    program = readFileSync(file);
    engine = await chooseEngine('runc', { profile: profile('containerd-2') });
  });
  afterAll(async () => {
    await engine?.close();
    for (const image of images.values()) await (await image).close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('there are many to compare', () => expect(comparable.length).toBeGreaterThan(90));

  it('say of themselves what they said on a real node', async () => {
    const wrong: string[] = [];
    for (const recorded of comparable)
      wrong.push(...(await differences(recorded).catch((error: Error) => [`${recorded.pod}: ${error.message}`])));
    expect(wrong).toEqual([]);
    recordConformance({
      id: 'run-pod',
      title: 'unroot run on the pods that a real node ran: what their programs print of ids, capabilities, variables and paths',
      against: `kubelet ${comparable[0]?.node.kubelet}, containerd ${comparable[0]?.node.containerd}, recorded`,
      compared,
      mismatches: 0,
      counts: { pods: comparable.length },
      notes: [...left].map(([reason, count]) => `${count} pods are left out: ${reason}`),
    });
  }, 300_000);
});

async function differences(recorded: Recorded): Promise<string[]> {
  const { pod, objects } = podOf(recorded);
  const platform = profile('containerd-2');
  const around = surroundingsOf(objects);
  expect(podErrors(pod), recorded.pod).toEqual([]);
  const containers = settingsOfPod(pod, around).filter(({ role }) => role !== 'ephemeral');
  if (containers.some(({ image }) => !hasImage(image ?? ''))) return [];
  const specs = new Map([...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((one) => [one.name, one]));
  const members: Member[] = [];
  for (const container of containers) {
    const image = await imageNamed(container.image!);
    const launch = launchOf(await readSubject(image), { ...container.settings, name: container.name }, platform, {
      bounding: processStatus(process.pid)!.capabilities.bounding,
    });
    members.push({ container, spec: specs.get(container.name) as PodContainer, image, launch });
  }
  const plans = volumePlans(pod, containers, objects.map(asObject), platform);
  const failure = plans.find((plan) => plan.failure !== undefined);
  if (failure !== undefined) return [`${recorded.pod}: ${failure.failure}`];
  const folders = podFolders(plans);
  const sandbox = await openSandbox();
  const output = new Map<string, string>();
  const enough = new AbortController();
  const lasting = members.filter(({ container }) => recorded.containers?.[container.name]?.show !== undefined);
  const timer = setTimeout(() => enough.abort(), 20_000);
  try {
    await runPod({
      pod,
      podLabel: `default/${recorded.pod}`,
      members,
      over: folders.over,
      prepare: ({ image }) => {
        const known = prepared.get(image as Image) ?? engine.prepare(image as Image);
        prepared.set(image as Image, known);
        return known;
      },
      sandbox: { pid: sandbox.pid, address: sandbox.address ?? '127.0.0.1' },
      until: 'end',
      signal: enough.signal,
      onEvent: () => {},
      onOutput: (name, stream, chunk) => {
        if (stream === 'stdout') output.set(name, (output.get(name) ?? '') + Buffer.from(chunk).toString());
        if (lasting.every(({ container }) => output.get(container.name)?.includes('\n') === true)) enough.abort();
      },
    });
  } finally {
    clearTimeout(timer);
    await sandbox.close();
    folders.close();
  }
  return lasting.flatMap(({ container }) => {
    const { name } = container;
    const line = output.get(name)?.split('\n')[0] ?? '';
    if (!line.startsWith('{')) return [`${recorded.pod}/${name}: printed nothing`];
    const hidden = new Set(container.settings.unknownEnv ?? []);
    const real = facts(recorded.containers![name]!.show!, hidden);
    const ours = facts(JSON.parse(line) as Show, hidden);
    return [...new Set([...real.keys(), ...ours.keys()])].flatMap((key) => {
      compared += 1;
      return real.get(key) === ours.get(key)
        ? []
        : [`${recorded.pod}/${name} ${key}: on the node ${real.get(key)}, here ${ours.get(key)}`];
    });
  });
}

const asObject = (value: object): KubernetesObject => {
  const { kind, apiVersion, metadata } = value as {
    kind: string;
    apiVersion: string;
    metadata: { name: string; namespace?: string };
  };
  return { kind, apiVersion, name: metadata.name, value } as unknown as KubernetesObject;
};

const payload = (text: string): string => text.replace(/\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+|\.\.<timestamp>/g, '..T');

/** Each fact as a text, by its name. */
function facts(show: Show, hidden: ReadonlySet<string>): ReadonlyMap<string, string> {
  const env = show.env.filter(
    (entry) => !/^(?:KUBERNETES_|HOSTNAME=)/.test(entry) && !hidden.has(entry.slice(0, entry.indexOf('='))),
  );
  const entries: [string, unknown][] = [
    ['uid', show.uid],
    ['gid', show.gid],
    ['groups', [...show.groups].sort((a, b) => a - b)],
    ...Object.entries(show.capabilities).map(([set, mask]): [string, unknown] => [`${set} capabilities`, mask]),
    ['no_new_privs', show.noNewPrivileges],
    ['argv', show.argv],
    ['variables', env.sort()],
    ['cwd', show.cwd],
    ['umask', show.umask],
    ...Object.entries(show.kernel ?? {})
      .filter(([name]) => name.startsWith('net.'))
      .map(([name, value]): [string, unknown] => [name, value.split(/\s+/).join(' ')]),
    // Whatever control groups this machine has.
    ...Object.entries(show.paths)
      .filter(([path]) => path !== '/sys/fs/cgroup')
      .map(([path, found]: [string, RecordedPath]): [string, unknown] => [
        payload(path),
        found.target === undefined ? found : { ...found, target: payload(found.target) },
      ]),
  ];
  return new Map(entries.map(([key, value]) => [key, JSON.stringify(value)]));
}
