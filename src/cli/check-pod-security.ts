/** `unroot check FILE… --pod-security LEVEL[:VERSION]`: manifests by the rules of Pod Security. No image is looked at, nothing is run. */
import type { Command } from 'commander';
import { UnrootError } from '../error.ts';
import { type IgnoresOfFiles, ignoresIn } from '../finding/ignores-in.ts';
import { findGroups } from '../input/find-groups.ts';
import { readManifestFiles } from '../input/manifest-files.ts';
import { checkManifest } from '../pod-security/check-manifest.ts';
import { type Exemptions, NO_EXEMPTIONS, readConfiguration } from '../pod-security/configuration.ts';
import { parseLevelVersion } from '../pod-security/level.ts';
import { podSecurityReport } from '../report/pod-security.ts';
import type { PodSecurityReport } from '../report/report.ts';
import { readYaml } from '../text/yaml/read.ts';
import { type ChartFlags, groupOptions } from './manifest-charts.ts';
import { usageError } from './usage-error.ts';

/** The flags that only mean something here. */
export interface PodSecurityFlags extends ChartFlags {
  readonly podSecurity?: string;
  readonly podSecurityConfig?: string;
  readonly namespace?: string;
  readonly as?: string;
}

export const addPodSecurity = (command: Command): Command =>
  command
    .option(
      '--pod-security <level[:version]>',
      'check manifests (files, folders, -) by Pod Security: restricted, baseline or privileged, as of v1.NN or latest',
    )
    .option('--pod-security-config <file>', 'who is exempt: a PodSecurityConfiguration or AdmissionConfiguration')
    .option('--namespace <name>', 'where objects go that name no namespace, for exemptions (default: default)')
    .option('--as <user>', 'who creates the objects, for exemptions');

export interface CheckedPodSecurity {
  readonly report: PodSecurityReport;
  readonly ignores: IgnoresOfFiles;
}

/** Checks all of them; throws with exit 3 when no file holds a pod. */
export function checkPodSecurity(targets: readonly string[], level: string, flags: PodSecurityFlags): CheckedPodSecurity {
  const policy = parseLevelVersion(level);
  const exemptions = flags.podSecurityConfig === undefined ? NO_EXEMPTIONS : exemptionsIn(flags.podSecurityConfig);
  const { files, problems: unread } = readManifestFiles(targets);
  // Overlays and charts are what they make; what nothing can be found in is no worse for being looked at.
  const { groups, rest, problems: ofGroups } = findGroups(files, groupOptions(flags));
  const problems = [...unread, ...ofGroups, ...groups.flatMap((group) => group.problems)];
  const options = {
    policy,
    exemptions,
    namespace: flags.namespace ?? 'default',
    ...(flags.as === undefined ? {} : { userName: flags.as }),
  };
  const manifests = [...rest, ...groups.map(({ source }) => source)].map((file) => ({
    path: file.path,
    checked: checkManifest(file, options),
  }));
  const report = podSecurityReport({ targets, policy, manifests, problems });
  if (report.podSecurity.objects.length > 0 || report.diagnostics.some(({ severity }) => severity === 'error'))
    return { report, ignores: ignoresIn([...rest, ...new Set(groups.flatMap((group) => group.files))]) };
  throw new UnrootError(`Nothing to analyse: there is no pod in ${targets.join(', ')}`, {
    code: 'input.nothing',
    expected: 'a Pod, or something that makes pods: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob …',
    ...(report.unknown[0] === undefined ? {} : { hint: `What was found: ${report.unknown.slice(0, 3).join('; ')}` }),
    exitCode: 3,
  });
}

function exemptionsIn(path: string): Exemptions {
  const { files, problems } = readManifestFiles([path]);
  const [file] = files;
  const wrong = (message: string, where?: { readonly line?: number; readonly column?: number }): UnrootError =>
    new UnrootError(`--pod-security-config ${path}: ${message}`, {
      code: 'check.pod-security-config',
      where: { file: path, ...where },
      expected:
        'a PodSecurityConfiguration (pod-security.admission.config.k8s.io/v1), or an AdmissionConfiguration with one inside',
    });
  if (file === undefined) throw wrong(problems[0]?.message ?? 'cannot be read');
  if (files.length > 1) throw usageError(`--pod-security-config ${path} is a folder`, 'one file');
  const { documents, broken } = readYaml(file);
  if (broken[0] !== undefined) throw wrong(broken[0].problem.message, broken[0].problem.where);
  const read = documents.map(({ value }) => readConfiguration(value)).find((one) => one !== undefined);
  if (read === undefined) throw wrong('it is neither of the two kinds');
  if (read.errors.length > 0) throw wrong(read.errors.join('; '));
  return read.configuration.exemptions;
}
