// Runs one pod of test/reality/kubelet/pods on the node and tells what became of it, in the form test/reality/kubelet/README.md describes.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { collection, must } from './api.mjs';
import { place } from './images.mjs';
import { NODE } from './services.mjs';

/** Where the host's folders of hostPath and local volumes lie; each pod's own is below it, by its name. */
export const HOST = '/srv';

/** What a host's folder has before the pod comes: a JSON object in this annotation, spelt as the files of images.json. */
const HOST_FILES = 'unroot/host-files';

/** Waiting reasons after which nothing better comes by itself. */
const STUCK = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'CrashLoopBackOff',
  'ErrImageNeverPull',
  'ErrImagePull',
  'ImagePullBackOff',
  'ImageInspectError',
  'InvalidImageName',
]);
/** Events after which a pod's containers do not come. */
const HELD_UP = new Set(['FailedCreatePodSandBox', 'FailedMount', 'FailedToRetrieveImagePullSecret']);
const LISTS = [
  ['initContainerStatuses', 'initContainers', 'init'],
  ['containerStatuses', 'containers', 'container'],
  ['ephemeralContainerStatuses', 'ephemeralContainers', 'ephemeral'],
];

/** Runs a pod and what it needs; answers the record, without what is the same for all. */
export async function runPod({ api, documents, work, programs, log }) {
  const [written, ...others] = documents;
  const { ephemeralContainers, ...spec } = written.spec;
  const pod = { ...written, spec: { ...spec, nodeName: NODE } };
  hostFiles(pod, programs);
  const needed = others.filter((one) => one.kind !== 'Pod');
  for (const object of needed) if (object.kind !== 'PersistentVolume') await create(api, object);
  for (const object of needed) if (object.kind === 'PersistentVolume') await create(api, await claimed(api, object));
  const pods = collection(pod);
  const name = pod.metadata.name;
  try {
    const answer = await api('POST', pods, pod);
    if (answer.code >= 300) return { pod: name, rejected: refusal(answer), ...warned(answer) };
    const path = `${pods}/${name}`;
    const added = ephemeralContainers === undefined ? answer : await addEphemeral(api, path, ephemeralContainers);
    if (added.code >= 300) return { pod: name, rejected: refusal(added), ...warned(added) };
    const seen = await settled(api, path, pod, written.spec, answer.body.metadata.uid, work, log);
    return { pod: name, ...warned(answer), ...seen };
  } finally {
    await api('DELETE', `${pods}/${name}?gracePeriodSeconds=0`);
    for (const object of needed.reverse()) await api('DELETE', `${collection(object)}/${object.metadata.name}`);
  }
}

/** What the API server says instead of accepting. */
export function refusal({ code, body }) {
  return { code, reason: body?.reason ?? '', message: body?.message ?? String(body) };
}

const warned = ({ warnings }) => (warnings.length === 0 ? {} : { warnings });

async function create(api, object) {
  const { status, ...rest } = object;
  await must(api, 'POST', collection(object), rest);
  if (status === undefined) return;
  // Without controllers nobody else says that a claim is bound.
  const path = `${collection(object)}/${object.metadata.name}/status`;
  await must(api, 'PATCH', path, { status }, 'application/merge-patch+json');
}

/** A volume knows its claim by uid too; the controller that writes it there does not run. */
async function claimed(api, volume) {
  const { namespace, name } = volume.spec.claimRef;
  const claim = await must(api, 'GET', `${collection({ kind: 'PersistentVolumeClaim', metadata: { namespace } })}/${name}`);
  return { ...volume, spec: { ...volume.spec, claimRef: { ...volume.spec.claimRef, uid: claim.metadata.uid } } };
}

function hostFiles(pod, programs) {
  const text = pod.metadata.annotations?.[HOST_FILES];
  if (text === undefined) return;
  const root = join(HOST, pod.metadata.name);
  mkdirSync(root, { recursive: true });
  chmodSync(root, 0o755);
  place(root, JSON.parse(text), programs);
}

async function addEphemeral(api, path, ephemeralContainers) {
  // They join a pod that is there already, as with `kubectl debug`.
  await until(20, async () =>
    ((await api('GET', path)).body.status?.containerStatuses ?? []).some(
      (one) => one.state?.running || STUCK.has(one.state?.waiting?.reason),
    ),
  );
  return api('PATCH', `${path}/ephemeralcontainers`, { spec: { ephemeralContainers } }, 'application/strategic-merge-patch+json');
}

async function until(seconds, probe) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await probe()) return true;
    await sleep(400);
  }
  return false;
}

/** Waits until nothing more is to come, then tells all of it. */
async function settled(api, path, pod, written, uid, work, log) {
  const namespace = pod.metadata.namespace ?? 'default';
  const eventsPath = `/api/v1/namespaces/${namespace}/events?fieldSelector=${encodeURIComponent(`involvedObject.uid=${uid}`)}`;
  const logsOf = (container) => containerLog(join(work, 'pods', `${namespace}_${pod.metadata.name}_${uid}`, container));
  const waits = new Map();
  const users = new Map();
  let body;
  let events = [];
  const done = await until(60, async () => {
    body = (await api('GET', path)).body;
    const all = containersOf(body, written);
    for (const { name, status } of all) {
      const waiting = status?.state?.waiting;
      if (waiting !== undefined && STUCK.has(waiting.reason) && !waits.has(name)) waits.set(name, waiting);
      if (status?.user?.linux !== undefined) users.set(name, status.user.linux);
    }
    if (['Succeeded', 'Failed'].includes(body.status.phase)) return true;
    events = (await api('GET', eventsPath)).body.items;
    if (events.some((one) => HELD_UP.has(one.reason))) return true;
    const stuck = all.some(({ name }) => waits.has(name));
    // The phase follows what its containers did a little later.
    if (written.restartPolicy === 'Never' && all.every(({ status }) => status?.state?.terminated !== undefined)) return false;
    return all.every(
      ({ name, status, sleeps }) =>
        waits.has(name) ||
        status?.state?.terminated !== undefined ||
        (status?.state?.running !== undefined && sleeps && logsOf(name).length > 0) ||
        (stuck && status?.state?.waiting?.reason === 'PodInitializing'),
    );
  });
  if (!done) log(`${pod.metadata.name}: not settled after 60 s; recorded as it stood`);
  await sleep(1500);
  if (done) body = (await api('GET', path)).body ?? body;
  events = (await api('GET', eventsPath)).body.items;
  const containers = {};
  for (const { name, role, status } of containersOf(body, written)) {
    const waiting = waits.get(name) ?? status?.state?.waiting;
    const terminated = status?.state?.terminated ?? status?.lastState?.terminated;
    const lines = logsOf(name);
    const shown = lines.find((line) => line.startsWith('{"uid"'));
    const other = lines.filter((line) => line !== shown);
    const user = users.get(name);
    containers[name] = {
      role,
      ...(waiting === undefined ? {} : { waiting: trimmed(waiting) }),
      ...(terminated === undefined ? {} : { terminated: trimmed(terminated) }),
      restartCount: status?.restartCount ?? 0,
      ...(user === undefined ? {} : { user }),
      ...(shown === undefined ? {} : { show: JSON.parse(shown) }),
      ...(other.length === 0 ? {} : { log: other }),
    };
  }
  const { phase, reason, message } = body.status;
  return {
    ...(done ? {} : { unsettled: true }),
    metadata: { namespace, uid },
    status: { phase, ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) },
    events: told(events),
    containers,
  };
}

function containersOf(body, spec) {
  return LISTS.flatMap(([statuses, list, role]) =>
    (spec[list] ?? []).map((container) => ({
      name: container.name,
      // Others are soon through; their status only lags behind.
      sleeps: container.env?.some((one) => one.name === 'SHOW_SLEEP') ?? false,
      role: role === 'init' && container.restartPolicy === 'Always' ? 'sidecar' : role,
      status: (body.status?.[statuses] ?? []).find((one) => one.name === container.name),
    })),
  );
}

function trimmed({ reason, exitCode, signal, message }) {
  return Object.fromEntries(Object.entries({ reason, exitCode, signal, message }).filter(([, value]) => value !== undefined));
}

/** Events in the order they came, each text once. */
function told(events) {
  const time = (event) => `${event.firstTimestamp ?? event.eventTime} ${event.metadata.resourceVersion.padStart(12, '0')}`;
  const seen = new Map();
  for (const event of [...events].sort((a, b) => (time(a) < time(b) ? -1 : 1))) {
    const { type, reason, message } = event;
    seen.set(`${reason} ${message}`, { type, reason, message });
  }
  return [...seen.values()];
}

/** The lines a container wrote (CRI log format: `time stream P|F text`; P says that the line goes on). */
function containerLog(folder) {
  if (!existsSync(folder)) return [];
  const lines = [];
  for (const file of readdirSync(folder).sort()) {
    let open = '';
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
      const found = /^\S+ (?:stdout|stderr) ([PF]) (.*)$/.exec(line);
      if (found === null) continue;
      open += found[2];
      if (found[1] === 'P') continue;
      lines.push(open);
      open = '';
    }
  }
  return lines;
}
