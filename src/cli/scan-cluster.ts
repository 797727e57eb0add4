/** `unroot scan`: every workload of a cluster by the same rules as its manifest would be, beside what the kubelets report. Reads only. */

import { UnrootError } from '../error.ts';
import type { Finding } from '../finding/finding.ts';
import type { IgnoresOfFiles } from '../finding/ignores-in.ts';
import type { Cluster } from '../input/cluster/connection.ts';
import { manifestOf, readCluster, type Seen } from '../input/cluster/objects.ts';
import { type ClusterWorkload, reportedUsers, workloadsOf } from '../input/cluster/workloads.ts';
import { rememberText } from '../input/read-before.ts';
import type { ProfileName } from '../platform/platform.ts';
import { checkManifest } from '../pod-security/check-manifest.ts';
import { NO_EXEMPTIONS } from '../pod-security/configuration.ts';
import { type Level, levelVersionText } from '../pod-security/level.ts';
import { policyOfLabels } from '../pod-security/policy.ts';
import type { ReportedFinding, WhoContainer } from '../report/report.ts';
import type { RunningAs, ScanContainer, ScanNamespace, ScanReport, ScanWorkload } from '../report/scan-report.ts';
import type { SourceFile } from '../text/source-file.ts';
import { checkManifests } from './check-manifests.ts';
import type { ContainerImages } from './container-images.ts';
import { whoInManifests } from './who-manifests.ts';

export interface ClusterScan {
  readonly cluster: Cluster;
  /** Undefined = all. */
  readonly namespace?: string;
  readonly asked?: ProfileName;
  readonly user?: string;
  readonly images: ContainerImages;
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
}

export interface ScannedCluster {
  readonly report: ScanReport;
  readonly ignores: readonly IgnoresOfFiles[];
}

/** Throws with exit 3 when there is nothing, with exit 2 when nothing may be seen. */
export async function scanCluster(scan: ClusterScan): Promise<ScannedCluster> {
  const { cluster, namespace, asked, user, images, signal, onProgress } = scan;
  const seen = await readCluster(cluster, namespace, onProgress);
  const workloads = workloadsOf(seen.objects);
  if (workloads.length === 0) throw nothing(scan, seen);
  const sources = workloads.map(({ object }) => {
    const { kind, metadata } = object;
    const name = `k8s://${cluster.context}/${metadata.namespace ?? 'default'}/${kind.toLowerCase()}/${metadata.name}`;
    const source = manifestOf(name, object);
    rememberText(name, source);
    return source;
  });
  const targets = sources.map(({ path }) => path);
  onProgress(`${workloads.length} workloads are looked at`);
  const who = await whoInManifests(targets, asked, images, signal);
  const checked = await checkManifests({
    targets,
    ...(asked === undefined ? {} : { asked }),
    ...(user === undefined ? {} : { user }),
    images,
    signal,
    leaveMissing: true,
  });
  const containers = new Map<string | undefined, WhoContainer[]>();
  for (const one of who.containers) containers.set(one.workload?.file, [...(containers.get(one.workload?.file) ?? []), one]);
  const findings: ReportedFinding[] = [...checked.report.findings];
  const byFile = new Map<string | undefined, number[]>();
  for (const [index, { where }] of findings.entries()) byFile.set(where.file, [...(byFile.get(where.file) ?? []), index]);
  const scanned = workloads.map((workload, index): ScanWorkload => {
    const source = sources[index]!;
    const own = (containers.get(source.path) ?? []).map((one) => withRunning(one, workload));
    const indexes = byFile.get(source.path) ?? [];
    for (const finding of foundRunning(
      own,
      indexes.map((at) => findings[at]!),
    )) {
      indexes.push(findings.length);
      findings.push({ ...finding, fixes: [] });
    }
    return scanWorkload(workload, source, own, indexes);
  });
  const unseen = seen.unseen.map((text) => `could not see ${text}`);
  return {
    report: {
      schemaVersion: 1,
      kind: 'scan',
      target: `context ${cluster.context}, ${namespace === undefined ? 'all namespaces' : `namespace ${namespace}`}`,
      context: cluster.context,
      server: cluster.server,
      platform: checked.report.platform,
      user: checked.report.user,
      namespaces: namespacesOf(seen, workloads),
      workloads: scanned,
      findings,
      diagnostics: checked.report.diagnostics,
      unknown: [...unseen, ...checked.report.unknown, ...missingText(who.containers)],
    },
    ignores: [checked.ignores],
  };
}

function nothing({ cluster, namespace }: ClusterScan, { unseen }: Seen): UnrootError {
  const where = `${cluster.context}${namespace === undefined ? '' : `, namespace ${namespace}`}`;
  return unseen.length === 0
    ? new UnrootError(`Nothing to analyse in ${where}: it runs no pods`, {
        code: 'input.nothing',
        expected: 'workloads',
        ...(namespace === undefined ? {} : { hint: '-A looks into all namespaces' }),
        exitCode: 3,
      })
    : new UnrootError(`Nothing of ${where} could be seen: ${unseen.slice(0, 3).join('; ')}`, {
        code: 'cluster.forbidden',
        expected: 'the right to list pods and what makes them',
        hint: 'kubectl auth can-i list pods',
      });
}

function withRunning(one: WhoContainer, { pods }: ClusterWorkload): ScanContainer {
  const users = new Map<string, RunningAs>();
  for (const pod of pods) {
    const user = reportedUsers(pod).get(one.name);
    if (user === undefined) continue;
    const key = JSON.stringify(user);
    users.set(key, { ...user, pods: (users.get(key)?.pods ?? 0) + 1 });
  }
  return users.size === 0 ? one : { ...one, running: [...users.values()] };
}

/** Containers that the kubelet reports to be root, and of which nothing else says so. */
function foundRunning(containers: readonly ScanContainer[], known: readonly Finding[]): readonly Finding[] {
  return containers.flatMap((one): readonly Finding[] => {
    const root = one.running?.find(({ uid }) => uid === 0);
    const told = known.some(({ id, container }) => container === one.name && (id === 'runs-as-root' || id === 'start-refused'));
    if (root === undefined || told || one.workload === undefined) return [];
    const { kind, name, file, line, column } = one.workload;
    return [
      {
        id: 'runs-as-root',
        severity: 'warning',
        confidence: 'high',
        message: `runs as uid 0 in ${root.pods} ${root.pods === 1 ? 'pod' : 'pods'}`,
        object: `${kind}/${name}`,
        container: one.name,
        where: { file, line, column },
        evidence: [{ kind: 'observed', text: `the kubelet reports user.linux.uid 0 of container ${one.name}`, count: root.pods }],
      },
    ];
  });
}

function scanWorkload(
  { object, owner, pods }: ClusterWorkload,
  source: SourceFile,
  containers: readonly ScanContainer[],
  findings: readonly number[],
): ScanWorkload {
  const passes = passedLevel(source);
  return {
    kind: object.kind,
    name: object.metadata.name,
    namespace: object.metadata.namespace ?? 'default',
    target: source.path,
    ...(owner === undefined ? {} : { owner }),
    pods: pods.length,
    ...(passes === undefined ? {} : { passes }),
    containers,
    findings,
  };
}

/** By the newest rules. */
function passedLevel(source: SourceFile): Level | undefined {
  for (const level of ['restricted', 'baseline'] as const) {
    const { objects } = checkManifest(source, {
      policy: { level, version: 'latest' },
      exemptions: NO_EXEMPTIONS,
      namespace: 'default',
    });
    if (objects.length === 0 || objects.some(({ outcome }) => outcome === 'undecodable')) return undefined;
    if (objects.every(({ outcome }) => outcome === 'allowed')) return level;
  }
  return 'privileged';
}

/** Those with workloads. */
function namespacesOf({ namespaces }: Seen, workloads: readonly ClusterWorkload[]): readonly ScanNamespace[] {
  const seen = new Map(namespaces.map((one) => [one.metadata.name, one]));
  const names = [...new Set(workloads.map(({ object }) => object.metadata.namespace ?? 'default'))];
  return names.map((name) => {
    const object = seen.get(name);
    if (object === undefined) return { name };
    const { enforce, audit, warn } = policyOfLabels(object.metadata.labels ?? {}).policy;
    return {
      name,
      podSecurity: { enforce: levelVersionText(enforce), audit: levelVersionText(audit), warn: levelVersionText(warn) },
    };
  });
}

function missingText(containers: readonly WhoContainer[]): readonly string[] {
  const images = new Set(containers.filter(({ outcome }) => outcome === 'unknown').map(({ image }) => image));
  if (images.size === 0) return [];
  const count = `${images.size} ${images.size === 1 ? 'image is' : 'images are'}`;
  return [
    `${count} not here: as whom the containers run is known only where the pod or the kubelet says it (--fetch asks registries)`,
  ];
}
