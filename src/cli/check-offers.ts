/** What `fix` would write into files, for readers that offer it beside each finding (SARIF 2.1.0 section 3.55). Nothing is run or written. */
import type { Fix } from '../finding/fix.ts';
import type { LoadedManifests } from '../input/manifests.ts';
import type { ProfileName } from '../platform/platform.ts';
import type { TextFix } from '../report/report.ts';
import type { CommandContext } from './command.ts';
import type { DockerfileFlags } from './dockerfiles.ts';
import type { FileFlags } from './file-flags.ts';
import { fixCompose } from './fix-compose.ts';
import type { DecideOptions } from './fix-container.ts';
import { fixedDockerfiles } from './fix-dockerfile-files.ts';
import { fixManifests } from './fix-manifests.ts';
import type { Log } from './log.ts';
import { manifestProfiles } from './profile.ts';

/** `asked`: whose rules decide, where they fit what is written. */
export async function offersForManifests(
  loaded: LoadedManifests,
  { asked, ...options }: Pick<DecideOptions, 'images' | 'signal' | 'user'> & { readonly asked?: ProfileName },
): Promise<readonly Fix[]> {
  const profiles = manifestProfiles(asked, loaded.formats);
  const pods = await fixManifests('', loaded, { ...options, profile: profiles('kubernetes') });
  const all = loaded.services.length === 0 ? pods : await fixCompose(pods, loaded, { ...options, profile: profiles('compose') });
  return all.report.fixes;
}

/** One for each file: its lines answer the findings together. */
export async function offersForDockerfiles(
  paths: readonly string[],
  flags: FileFlags & DockerfileFlags,
  context: CommandContext,
  log: Log,
): Promise<readonly Fix[]> {
  if (paths.length === 0) return [];
  const { report } = await fixedDockerfiles(paths, { ...flags, static: true, prove: false }, context, log);
  const files = new Map<string, TextFix[]>();
  for (const fix of report.fixes) {
    const [edit] = fix.edits;
    if (edit !== undefined) files.set(edit.file, [...(files.get(edit.file) ?? []), fix]);
  }
  return [...files.values()].map((own) => ({
    ...own[0]!,
    title: own.map(({ title }) => title).join(', '),
    answers: [...new Set(own.flatMap(({ answers }) => answers))],
    edits: own.flatMap(({ edits }) => edits),
  }));
}
