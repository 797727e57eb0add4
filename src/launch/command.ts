/** What is executed, and where: entrypoint and command by the override rules, and the working directory. */
import type { ImageConfig } from '../image/image.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { type LaunchSubject, phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';
import { specRefused } from './spec-refused.ts';

export interface Command {
  readonly kind: 'command';
  readonly argv: readonly string[];
  readonly because: readonly Derivation[];
}

/** A new entrypoint drops the image's CMD (docker run, and command/args of a pod alike); `--entrypoint ""` means none. */
export function commandOf(config: ImageConfig, settings: ContainerSettings, profile: PlatformProfile): Command | Stopped {
  const replaced = settings.entrypoint !== undefined;
  const entrypoint = (replaced ? settings.entrypoint : config.entrypoint) ?? [];
  const kept = entrypoint.length === 1 && entrypoint[0] === '' ? [] : entrypoint;
  const command = settings.command ?? (replaced ? [] : config.cmd);
  const argv = [...kept, ...command];
  const parts = [
    kept.length === 0 ? '' : replaced ? "the settings' entrypoint" : "the image's ENTRYPOINT",
    command.length === 0 ? '' : settings.command === undefined ? "the image's CMD" : "the settings' command",
  ].filter((part) => part !== '');
  const dropped =
    replaced && settings.command === undefined && config.cmd.length > 0 ? "; a new entrypoint drops the image's CMD" : '';
  const because: Derivation[] = [
    { field: 'argv', value: JSON.stringify(argv), source: `${parts.join(' and ') || 'nothing'}${dropped}` },
  ];
  if (argv.length === 0) {
    return stopped('runtime', phaseReason(profile, 'create'), profile.refusals?.noCommand ?? 'no command specified', because);
  }
  return { kind: 'command', argv, because };
}

export interface Workdir {
  readonly kind: 'workdir';
  readonly cwd: string;
  /** The image has no such directory: the engine makes it, 0755. */
  readonly made: boolean;
  readonly because: readonly Derivation[];
}

export function workdirOf(image: LaunchSubject, settings: ContainerSettings, profile: PlatformProfile): Workdir | Stopped {
  const asked = settings.workdir !== undefined && settings.workdir !== '';
  const text = asked ? (settings.workdir as string) : image.config.workingDir;
  if (asked && !text.startsWith('/') && profile.refusals?.relativeWorkdir !== undefined) {
    const because: Derivation[] = [{ field: 'cwd', value: text, source: "the settings' working directory" }];
    return stopped('runtime', phaseReason(profile, 'create'), text, because, profile.refusals.relativeWorkdir);
  }
  if (text !== '' && !text.startsWith('/') && profile.runtime !== 'crun') {
    const because: Derivation[] = [{ field: 'cwd', value: text, source: 'runc: the working directory must be absolute' }];
    return specRefused(profile, 'Cwd must be an absolute path', because);
  }
  const cwd = normalise(text);
  const entry = image.rootFs?.resolve(cwd).entry;
  const noDirectory = profile.refusals?.workdirNoDirectory;
  if (noDirectory !== undefined && entry !== undefined && entry.type !== 'directory') {
    const because: Derivation[] = [{ field: 'cwd', value: cwd, source: `${cwd} is no directory` }];
    return stopped('runtime', phaseReason(profile, noDirectory.phase), text, because, noDirectory.words);
  }
  const covered = (settings.volumes ?? []).some(
    (volume) => cwd === normalise(volume.target) || cwd.startsWith(`${normalise(volume.target)}/`),
  );
  const made = image.rootFs !== undefined && !covered && image.rootFs.resolve(cwd).entry === undefined;
  const said = asked ? "the settings' working directory" : text === '' ? 'no WORKDIR, so "/"' : "the image's WORKDIR";
  const owner = profile.madeWorkdirOwner === 'user' ? "the container's user" : 'root';
  const source = made ? `${said}; the image lacks it, so it is made as ${owner} 0755` : said;
  const because: Derivation[] = [{ field: 'cwd', value: cwd, source }];
  if (asked && made && profile.settingsWorkdirMustExist === true) {
    return stopped('runtime', phaseReason(profile, 'start'), `workdir "${text}" does not exist on container …`, because);
  }
  return { kind: 'workdir', cwd, made, because };
}

/** Absolute, without empty, `.` and `..` parts. */
export function normalise(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
