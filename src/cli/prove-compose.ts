/** `unroot prove compose.yaml`: the whole project as it is written, and as `fix` would change it. */

import { loadManifests } from '../input/manifests.ts';
import { profile } from '../platform/profiles.ts';
import { dnsLabel } from '../report/artifacts/artifact.ts';
import { onlyHandsOver } from '../workload/formats/compose/handed-volumes.ts';
import type { ComposeProject, ComposeWorkload } from '../workload/formats/compose/read.ts';
import type { CommandContext } from './command.ts';
import { openTogether, type TogetherOptions } from './compose-together.ts';
import { containerImages } from './container-images.ts';
import { codeForVerdict } from './exit-code.ts';
import { imageAccess } from './image-access.ts';
import { fixOptions, probePathOf } from './image-run.ts';
import type { Log } from './log.ts';
import { refuseSettings } from './manifest-settings.ts';
import { emit, type Output } from './output.ts';
import type { ProjectFlags } from './project-flags.ts';
import { proofReport } from './project-proof.ts';
import { settingsFrom } from './settings.ts';
import { settleProject } from './settle-compose.ts';
import { usageError } from './usage-error.ts';

export async function proveCompose(
  targets: readonly string[],
  flags: ProjectFlags,
  context: CommandContext,
  log: Log,
  outputs: readonly Output[],
): Promise<void> {
  const { signal } = context;
  const { readOnly, ...others } = flags;
  refuseSettings(settingsFrom(others, undefined, context.behind), targets);
  const target = targets.map((one) => (one === '-' ? 'standard input' : one)).join(', ');
  const project = projectOf(targets, target);
  const images = containerImages(
    flags,
    imageAccess(flags, signal, (message) => log.progress(message)),
  );
  try {
    const together = await openTogether(project, {
      ...togetherOptions(flags, context, log),
      images,
      keep: async (_, { workload }) => ({ name: `localhost/${dnsLabel(`${project.name}-${workload.name}`)}-unroot:latest` }),
    });
    try {
      const { settled, tried } = await settleProject(project, {
        profile: together.profile,
        ...(flags.user === undefined ? {} : { user: flags.user }),
        images,
        signal,
        together,
      });
      const messages = new Map(settled.map(({ one, message }) => [one.workload.name, message]));
      const steps = new Set(
        settled.filter(({ one }) => isStep(one.workload, project.workloads)).map(({ one }) => one.workload.name),
      );
      const proof = await together.proof(tried.project, (name) =>
        steps.has(name)
          ? { kind: 'note', text: 'it stays root: it gives volumes to the users of other services, and ends before those start' }
          : { kind: 'unsure', text: `it stays root: ${messages.get(name) ?? 'nothing was found that would change it'}` },
      );
      const report = proofReport(project, proof, tried, settled, together);
      log.clear();
      await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
      context.done(codeForVerdict(report.verdict));
    } finally {
      await together.close();
    }
  } finally {
    await images.close();
  }
}

/** Of all that was named one project. */
function projectOf(targets: readonly string[], target: string): ComposeProject {
  const { compose, formats } = loadManifests(targets);
  const [project, ...more] = compose.projects;
  if (project === undefined)
    throw usageError(
      `${target} is no image and no compose project${formats.includes('kubernetes') ? ': what a cluster would start is not run as a whole' : ''}`,
      'an image, or a compose file',
      `unroot fix ${target} --prove runs the image of each container by itself, before and after`,
    );
  if (more.length > 0)
    throw usageError(
      `${target} holds ${more.length + 1} compose projects, and one is run at a time`,
      `one of ${compose.projects.map(({ sources }) => sources.map(({ path }) => path).join(' ')).join(', ')}`,
    );
  return project;
}

/** What the flags say. Docker's rules, unless another engine or profile is asked for. */
export function togetherOptions(
  flags: ProjectFlags,
  context: CommandContext,
  log: Log,
): Omit<TogetherOptions, 'images' | 'keep'> {
  const { settings: _, profile: __, engine, probeCommand: ___, ...search } = fixOptions(flags, context, log);
  const rules = flags.platformProfile ?? (flags.engine === 'podman' || flags.engine === 'docker' ? undefined : 'docker');
  const probe = flags.probe === undefined ? undefined : probeOf(flags.probe);
  return {
    engine,
    profile: rules === undefined ? undefined : profile(rules),
    allowedBinds: flags.allowBind ?? [],
    asking: {
      publish: flags.published === true,
      ...(probe === undefined ? {} : { probe }),
      ...probePathOf(flags),
    },
    search,
    signal: context.signal,
    onProgress: (message) => log.progress(message),
  };
}

function probeOf(text: string): { readonly service: string; readonly line: string } {
  const cut = text.indexOf('=');
  const service = text.slice(0, cut);
  if (cut <= 0 || !/^[\w.-]+$/.test(service))
    throw usageError(
      `--probe ${text}: which service shall be asked?`,
      'SERVICE=LINE',
      "--probe 'web=curl -fs http://127.0.0.1/'",
    );
  return { service, line: text.slice(cut + 1) };
}

/** A service that does nothing but hand volumes over, for others that wait for its end. */
const isStep = ({ name, containers }: ComposeWorkload, all: readonly ComposeWorkload[]): boolean =>
  containers.every(({ settings }) => onlyHandsOver(settings)) &&
  all.some(({ service }) =>
    service.dependsOn.some((one) => one.service === name && one.condition === 'service_completed_successfully'),
  );
