/** `unroot run FILE[#NAME]`: the pod of a manifest, here, by the rules of a kubelet. */
import { chooseEngine } from '../engine/detect.ts';
import type { EngineKind, PreparedImage } from '../engine/engine.ts';
import { podFolders } from '../engine/pod-volumes.ts';
import { forwardPorts } from '../engine/port-forward.ts';
import { openSandbox } from '../engine/sandbox.ts';
import { UnrootError } from '../error.ts';
import type { Image } from '../image/image.ts';
import { loadManifests } from '../input/manifests.ts';
import type { Launch } from '../launch/launch.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerState } from '../pod/keeper.ts';
import type { Member, PodEvent } from '../pod/member.ts';
import { runPod } from '../pod/run-pod.ts';
import { volumePlans } from '../pod/volume-plans.ts';
import { harmless } from '../report/formats/harmless.ts';
import type { KubernetesObject } from '../workload/formats/kubernetes/objects.ts';
import type { KubernetesWorkload } from '../workload/formats/kubernetes/read.ts';
import type { ContainerImages } from './container-images.ts';
import type { Log } from './log.ts';
import { containersOf, type ManifestContainer } from './manifest-containers.ts';
import { podDevices } from './pod-devices.ts';
import { podMembers } from './pod-members.ts';
import { withObjects } from './pod-objects.ts';
import { type PodStatusFile, podStatusFile } from './pod-status.ts';
import { startRecord } from './start-record.ts';
import { usageError } from './usage-error.ts';

export interface PodCommand {
  readonly file: string;
  /** `NAME`, `Kind/NAME`. */
  readonly workload?: string;
  readonly profile: PlatformProfile;
  readonly engine: EngineKind | 'auto';
  readonly images: ContainerImages;
  /** Container port → host port. */
  readonly publish: ReadonlyMap<number, number>;
  readonly hostRoot?: string;
  /** hostPID of the pod means this machine's processes. */
  readonly hostPid?: boolean;
  readonly until: 'end' | 'ready';
  /** A file to keep as the pod's status; then nothing of it is said on standard error. */
  readonly status?: string;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** The exit code: 0 well, 1 refused or not ready, else that of the first container that failed; 130 interrupted. */
export async function runPodOfManifest(command: PodCommand): Promise<number> {
  const { log } = command;
  const loaded = loadManifests([command.file]);
  const chosen = withObjects(choose([...containersOf(loaded.workloads)], command), loaded.others as readonly KubernetesObject[]);
  const { workload, refusal } = chosen[0]!;
  if (refusal !== undefined) {
    startRecord(command.file).refused(refusal.message);
    log.clear();
    process.stderr.write(`Error from server (${refusal.reason}): ${harmless(refusal.message)}\n`);
    return 1;
  }
  if (command.engine === 'podman' || command.engine === 'docker')
    throw usageError(`--engine ${command.engine} has rules of its own and no pods of Kubernetes`, 'runc, crun, builtin or auto');
  const engine = await chooseEngine(command.engine, { profile: command.profile });
  if (engine.kind === 'podman' || engine.kind === 'docker') {
    await engine.close();
    throw new UnrootError('a pod needs an engine that does what a kubelet tells it', {
      code: 'engine.none',
      expected: 'runc or crun, or root with util-linux for the built-in engine',
      hint: 'apt-get install -y runc',
    });
  }
  const prepared = new Map<Image, Promise<PreparedImage>>();
  const devices = podDevices(
    workload.pod.spec,
    chosen.map(({ container }) => container),
    command.hostRoot,
  );
  const members = await podMembers(chosen, command, devices);
  for (const { container } of chosen)
    for (const name of container.settings.unknownEnv ?? [])
      log.note(`container ${container.name}: variable ${name} is not set: what its valueFrom leads to is not known here`);
  if (workload.pod.spec?.hostUsers === false)
    log.note('hostUsers: false: there is no user namespace here, so uids are those of this machine (a kubelet would map them)');
  if (workload.pod.spec?.hostPID === true && command.hostPid !== true)
    log.note('hostPID: true: the pod sees its own processes only; --host-pid gives it those of this machine');
  const failures: string[] = [];
  const podLabel = `${workload.namespace ?? 'default'}/${workload.name}`;
  const status = command.status === undefined ? undefined : podStatusFile(command.status, podLabel);
  const tell = told(status);
  const table = status === undefined ? printTable : (): void => undefined;
  try {
    const plans = volumePlans(
      workload.pod,
      members.map(({ container }) => container),
      loaded.others as readonly KubernetesObject[],
      command.profile,
      command.hostRoot !== undefined,
    );
    for (const { failure, note } of plans) {
      if (failure !== undefined) failures.push(failure);
      if (note !== undefined) log.note(note);
    }
    if (failures.length + devices.failures.length > 0) {
      log.clear();
      for (const message of failures) tell({ type: 'Warning', reason: 'FailedMount', message });
      for (const message of devices.failures) tell({ type: 'Warning', reason: 'FailedMapVolume', message });
      table(members.map(({ container: { name, role } }) => waiting(name, role)));
      return 1;
    }
    const folders = podFolders(plans, command.hostRoot);
    try {
      for (const note of folders.notes) log.note(note);
      const sandbox = await openSandbox();
      try {
        if (sandbox.address === undefined)
          log.note('probes ask 127.0.0.1: the pod has no address of its own without ip(8) (iproute2)');
        const { pid, address } = sandbox;
        status?.network({ pid, ...(address === undefined ? {} : { address }) });
        const notes = new Set<string>();
        for (const { launch } of members)
          if (launch?.kind === 'launch')
            for (const note of engine.differences(withoutVolumes(launch, folders.names))) notes.add(note);
        for (const note of notes) if (!note.startsWith('network:')) log.note(note);
        const forward = command.publish.size === 0 ? undefined : await forwardPorts(sandbox.pid, command.publish);
        const width = members.length > 1 ? Math.max(...members.map(({ container }) => container.name.length)) : 0;
        const lines = new Map<string, ReturnType<typeof prefixed>>();
        const output = (name: string, stream: 'stdout' | 'stderr', chunk: Uint8Array): void => {
          const key = `${stream} ${name}`;
          const write = lines.get(key) ?? prefixed(stream, width === 0 ? '' : `${name.padEnd(width)} | `);
          lines.set(key, write);
          write(chunk);
        };
        const said = new Map<string, string>();
        const record = startRecord(command.file);
        try {
          log.clear();
          const outcome = await runPod({
            pod: workload.pod,
            podLabel,
            onState: (states) => status?.states(states),
            members,
            over: folders.over,
            prepare: ({ image }) => {
              const bytes = image as Image;
              const known = prepared.get(bytes) ?? engine.prepare(bytes, { signal: command.signal });
              prepared.set(bytes, known);
              return known;
            },
            sandbox: { pid: sandbox.pid, address: sandbox.address ?? '127.0.0.1' },
            until: command.until,
            signal: command.signal,
            onEvent: (event) => {
              if (event.type === 'Warning') record.refused(`${event.reason}: ${event.message}`);
              const launch = event.reason === 'Started' ? launchOfMember(members, event.container) : undefined;
              if (launch !== undefined) record.started(launch);
              tell(event);
            },
            onOutput: (name, stream, chunk) => {
              said.set(name, ((said.get(name) ?? '') + Buffer.from(chunk).toString()).slice(-8192));
              output(name, stream, chunk);
            },
          });
          for (const write of lines.values()) write(undefined);
          for (const { name, exitCode, state, reason, message } of outcome.containers) {
            const launch = launchOfMember(members, name);
            if (exitCode !== undefined && launch !== undefined) record.ended(launch, exitCode, said.get(name) ?? '');
            record.status(name, reason ?? state, message);
          }
          status?.ended(outcome.phase, outcome.containers);
          table(outcome.containers);
          if (outcome.interrupted) return 130;
          if (command.until === 'ready') return outcome.ready ? 0 : 1;
          return codeOf(outcome.containers);
        } finally {
          await forward?.close();
        }
      } finally {
        status?.network(undefined);
        await sandbox.close();
      }
    } finally {
      folders.close();
    }
  } finally {
    await engine.close();
  }
}

function choose(all: readonly ManifestContainer[], { file, workload }: PodCommand): readonly ManifestContainer[] {
  const label = ({ kind, name }: KubernetesWorkload): string => `${kind}/${name}`;
  const workloads = [...new Set(all.map((one) => one.workload))];
  const fits = workloads.filter((one) => workload === undefined || one.name === workload || label(one) === workload);
  const [only] = fits;
  if (only === undefined || fits.length > 1) {
    const names = workloads.slice(0, 20).map(label).join(', ');
    throw usageError(
      only === undefined ? `${file} has no ${workload ?? 'pod'}` : `${file} has ${fits.length} that may be meant`,
      `${file}#NAME or ${file}#KIND/NAME, one of ${names}`,
    );
  }
  return all.filter((one) => one.workload === only && one.container.role !== 'ephemeral');
}

function launchOfMember(members: readonly Member[], name: string | undefined): Launch | undefined {
  const launch = members.find(({ container }) => container.name === name)?.launch;
  return launch?.kind === 'launch' ? launch : undefined;
}

/** What is left for the engine to make of it. */
function withoutVolumes(launch: Launch, names: ReadonlySet<string>): Launch {
  const ours = new Set((launch.settings.volumes ?? []).flatMap(({ name, target }) => (name && names.has(name) ? [target] : [])));
  return { ...launch, mounts: launch.mounts.filter(({ target }) => !ours.has(target)) };
}

const waiting = (name: string, role: ContainerState['role']): ContainerState => ({
  name,
  role,
  state: 'waiting',
  reason: 'ContainerCreating',
  started: false,
  ready: false,
  restarts: 0,
});

/** As `kubectl get events` has it: type, reason, object, message. */
const told =
  (status: PodStatusFile | undefined) =>
  (event: PodEvent): void => {
    if (status !== undefined) {
      status.event(event);
      return;
    }
    const { type, reason, container, message } = event;
    process.stderr.write(
      `${type.padEnd(7)}  ${reason}${container === undefined ? '' : `  ${harmless(container)}`}: ${harmless(message)}\n`,
    );
  };

function printTable(states: readonly ContainerState[]): void {
  const rows = states.map(({ name, state, reason, exitCode, ready, restarts }) => [
    harmless(name),
    ready ? 'yes' : 'no',
    state === 'running'
      ? 'Running'
      : `${reason ?? state}${exitCode === undefined || exitCode === 0 ? '' : ` (exit ${exitCode})`}`,
    String(restarts),
  ]);
  const all = [['CONTAINER', 'READY', 'STATUS', 'RESTARTS'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]!.length)));
  for (const row of all)
    process.stderr.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
}

/** Whole lines with the container's name before them; `undefined` writes what is left. */
function prefixed(stream: 'stdout' | 'stderr', prefix: string): (chunk: Uint8Array | undefined) => void {
  let rest = '';
  let open = false;
  const decoder = new TextDecoder();
  return (chunk) => {
    if (prefix === '') {
      if (chunk !== undefined) process[stream].write(chunk);
      // On a terminal what comes next must not stand on the program's last line.
      else if (open && process[stream].isTTY) process[stream].write('\n');
      if (chunk !== undefined && chunk.length > 0) open = chunk[chunk.length - 1] !== 0x0a;
      return;
    }
    rest += chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop()!;
    if (chunk === undefined && rest !== '') lines.push(rest);
    for (const line of lines) process[stream].write(`${prefix}${line}\n`);
  };
}

function codeOf(states: readonly ContainerState[]): number {
  if (states.some(({ role, state }) => role !== 'sidecar' && state === 'waiting')) return 1;
  return states.find(({ role, exitCode }) => role !== 'sidecar' && exitCode !== undefined && exitCode !== 0)?.exitCode ?? 0;
}
