/** Plays the kubelet for a CRI runtime: pods and containers asked for as kuberuntime does, from the same settings the model gets. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlatformProfile } from '../../src/platform/platform.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import type { PrivateContainerd } from '../support/containerd.ts';
import { type CriContainerStatus, CriError, type CriImage, type CriUser } from '../support/cri.ts';
import { writeDockerArchive } from '../support/image-builder.ts';
import type { IdentityCase } from './identity-cases.ts';
import type { Observed } from './identity-compare.ts';
import { hostFacts } from './identity-host.ts';
import type { IdentityImage } from './identity-image.ts';
import type { IdentityRuntime } from './identity-suite.ts';

export interface CriRuntime extends IdentityRuntime {
  /** What CRI says of an image: where the kubelet takes uid and user name from. */
  imageStatus(tag: string): Promise<CriImage>;
  /** ContainerStatus.user of the cases that ran, by the case's name; only runtimes that fill it in. */
  readonly users: ReadonlyMap<string, CriUser>;
}

const PAUSE = '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n';

/** The image of the process that holds a pod's namespaces. */
export function sandboxImage(folder: string): { readonly tag: string; readonly archive: string } {
  const tag = `localhost/unroot-pause:${process.pid}`;
  writeFileSync(join(folder, 'pause.c'), PAUSE);
  execFileSync('gcc', ['-static', '-O1', '-s', '-o', join(folder, 'pause'), join(folder, 'pause.c')]);
  const layer = [{ path: '/pause', content: readFileSync(join(folder, 'pause')), mode: 0o755 }];
  return { tag, archive: writeDockerArchive(join(folder, 'pause.tar'), { layers: [layer], config: { Cmd: ['/pause'] } }, [tag]) };
}

/** Default masked and read-only paths of the kubelet (kubernetes pkg/securitycontext/util.go). */
const MASKED = [
  'asound',
  'acpi',
  'interrupts',
  'kcore',
  'keys',
  'latency_stats',
  'timer_list',
  'timer_stats',
  'sched_debug',
  'scsi',
];
const READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'];

export function criRuntime(
  containerd: PrivateContainerd,
  archives: readonly string[],
  about: { readonly version: string; readonly profile: PlatformProfile },
): CriRuntime {
  const { cri } = containerd;
  for (const archive of archives) containerd.importImages(archive);
  const sandboxes = new Map<string, Promise<{ id: string; config: object; logs: string }>>();
  const users = new Map<string, CriUser>();
  const hostsFile = join(containerd.folder, 'hosts');
  writeFileSync(hostsFile, '127.0.0.1 localhost\n');
  const lastWords = join(containerd.folder, 'termination-log');
  writeFileSync(lastWords, '');
  chmodSync(lastWords, 0o666);
  let containers = 0;

  /** One pod for all containers that want the same of it. */
  function sandboxFor(settings: ContainerSettings): Promise<{ id: string; config: object; logs: string }> {
    const network = settings.network === 'host' ? 'NODE' : 'POD';
    const key = JSON.stringify([network, settings.sysctls ?? {}]);
    const known = sandboxes.get(key);
    if (known !== undefined) return known;
    const number = sandboxes.size + 1;
    const logs = join(containerd.folder, 'logs', String(number));
    mkdirSync(logs, { recursive: true });
    const config = {
      metadata: { name: `pod-${number}`, uid: `uid-${number}`, namespace: 'default', attempt: 0 },
      // The kubelet gives a pod in the host's network no name of its own.
      hostname: network === 'NODE' ? '' : `pod-${number}`,
      logDirectory: logs,
      linux: {
        securityContext: { namespaceOptions: { network, pid: 'CONTAINER', ipc: 'POD' } },
        sysctls: settings.sysctls ?? {},
      },
    };
    const made = cri
      .call<{ podSandboxId: string }>('RunPodSandbox', { config })
      .then(({ podSandboxId }) => ({ id: podSandboxId, config, logs }));
    sandboxes.set(key, made);
    return made;
  }

  const imageStatus = async (tag: string): Promise<CriImage> => {
    const { image } = await cri.call<{ image: CriImage | null }>('ImageStatus', { image: { image: tag } });
    if (image === null) throw new Error(`CRI does not know ${tag}`);
    return image;
  };

  async function run(one: IdentityCase, image: IdentityImage): Promise<Observed> {
    const settings = one.settings ?? {};
    const sandbox = await sandboxFor(settings);
    containers += 1;
    const logPath = `${containers}.log`;
    const network = settings.network === 'host' ? 'NODE' : 'POD';
    const config = {
      metadata: { name: `c${containers}`, attempt: 0 },
      image: { image: image.tag },
      command: settings.entrypoint ?? [],
      args: settings.command ?? [],
      workingDir: settings.workdir ?? '',
      envs: Object.entries(settings.env ?? {}).map(([key, value]) => ({ key, value })),
      devices: (settings.devices ?? []).map(({ source, target }) => ({
        hostPath: source,
        containerPath: target ?? source,
        permissions: 'rwm',
      })),
      // The kubelet writes /etc/hosts itself, and a file for the last words.
      mounts: [
        { hostPath: hostsFile, containerPath: '/etc/hosts', readonly: false },
        { hostPath: lastWords, containerPath: '/dev/termination-log', readonly: false },
        ...(settings.volumes ?? []).map(({ source, target }) => ({ hostPath: source, containerPath: target, readonly: false })),
      ],
      logPath,
      linux: {
        securityContext: {
          ...identityOf(settings, await imageStatus(image.tag)),
          namespaceOptions: { network, pid: 'CONTAINER', ipc: 'POD' },
          capabilities: { addCapabilities: settings.capAdd ?? [], dropCapabilities: settings.capDrop ?? [] },
          noNewPrivs: settings.noNewPrivileges === true,
          readonlyRootfs: settings.readOnly === true,
          maskedPaths: MASKED.map((name) => `/proc/${name}`),
          readonlyPaths: READ_ONLY.map((name) => `/proc/${name}`),
        },
      },
    };
    let id: string;
    try {
      const request = { podSandboxId: sandbox.id, config, sandboxConfig: sandbox.config };
      id = (await cri.call<{ containerId: string }>('CreateContainer', request)).containerId;
    } catch (error) {
      return refused('create', error);
    }
    try {
      try {
        await cri.call('StartContainer', { containerId: id });
      } catch (error) {
        return refused('start', error);
      }
      const status = await exited(id);
      if (status.user?.linux) users.set(one.name, status.user.linux);
      const log = streams(readFileSync(join(sandbox.logs, logPath), 'utf8'));
      return log.stdout === ''
        ? { kind: 'refused', phase: 'run', words: log.stderr.trim() }
        : { kind: 'ran', stdout: log.stdout };
    } finally {
      await cri.call('RemoveContainer', { containerId: id });
    }
  }

  async function exited(id: string): Promise<CriContainerStatus> {
    for (const end = Date.now() + 30_000; ; ) {
      const { status } = await cri.call<{ status: CriContainerStatus }>('ContainerStatus', { containerId: id });
      if (status.state === 'CONTAINER_EXITED') return status;
      if (Date.now() > end) throw new Error(`container ${id} does not end: ${status.state}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  return {
    ...about,
    host: hostFacts(),
    run,
    imageStatus,
    users,
    async stop() {
      for (const made of sandboxes.values()) {
        const sandbox = await made.catch(() => undefined);
        if (sandbox === undefined) continue;
        await cri.call('StopPodSandbox', { podSandboxId: sandbox.id });
        await cri.call('RemovePodSandbox', { podSandboxId: sandbox.id });
      }
      await containerd.stop();
    },
  };
}

/**
 * kuberuntime determineEffectiveSecurityContext and getImageUser: the uid is always said, from the pod or else the image, unless the image
 * names a user; the group only when the pod does; fsGroup is one of the supplementary groups.
 */
function identityOf(settings: ContainerSettings, image: CriImage): Record<string, unknown> {
  const imageUid = image.uid?.value ?? (image.username === '' ? '0' : undefined);
  const uid = settings.runAsUser === undefined ? imageUid : String(settings.runAsUser);
  return {
    ...(uid === undefined ? {} : { runAsUser: { value: uid } }),
    ...(settings.runAsUser === undefined && image.username !== '' ? { runAsUsername: image.username } : {}),
    ...(settings.runAsGroup === undefined ? {} : { runAsGroup: { value: String(settings.runAsGroup) } }),
    supplementalGroups: [...(settings.fsGroup === undefined ? [] : [settings.fsGroup]), ...(settings.supplementalGroups ?? [])],
    supplementalGroupsPolicy: settings.supplementalGroupsPolicy ?? 'Merge',
  };
}

function refused(phase: 'create' | 'start', error: unknown): Observed {
  if (!(error instanceof CriError)) throw error;
  // Its own folder stands where that of an installed one would.
  const words = error.message.replaceAll(/\/tmp\/ctrd-test-\w+\/root\//g, '/var/lib/containerd/');
  return { kind: 'refused', phase, words };
}

/** CRI's log format: time, stream, whole or part of a line, text. */
function streams(log: string): { stdout: string; stderr: string } {
  const text = { stdout: '', stderr: '' };
  for (const [, stream, tag, line] of log.matchAll(/^\S+ (stdout|stderr) (\S+) (.*)$/gm)) {
    text[stream as 'stdout' | 'stderr'] += `${line}${tag === 'F' ? '\n' : ''}`;
  }
  return text;
}
