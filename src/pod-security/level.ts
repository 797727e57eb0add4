/** Which policy: a level and a version, read from `restricted:v1.34`. Source: k8s.io/pod-security-admission api/helpers.go. */
import { UnrootError } from '../error.ts';

export const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof LEVELS)[number];

/** The minor of `v1.MINOR`, or `latest`, which is newer than every other. */
export type Version = number | 'latest';

export interface LevelVersion {
  readonly level: Level;
  readonly version: Version;
}

export const LEVEL_EXPECTED: string = `must be one of ${LEVELS.join(', ')}`;
export const VERSION_EXPECTED: string = 'must be "latest" or "v1.x"';

/** The level, or undefined for any other text: case counts. */
export const parseLevel = (text: string): Level | undefined => LEVELS.find((one) => one === text);

/** `latest` or `v1.N` without leading zeros, N within an int64; undefined for any other text. */
export function parseVersion(text: string): Version | undefined {
  if (text === 'latest') return 'latest';
  const digits = /^v1\.(0|[1-9][0-9]*)$/.exec(text)?.[1];
  if (digits === undefined || text.endsWith('\n')) return undefined;
  return digits.length > 19 || BigInt(digits) > 9223372036854775807n ? undefined : Number(digits);
}

export const versionText = (version: Version): string => (version === 'latest' ? 'latest' : `v1.${BigInt(version)}`);

/** `restricted:v1.34`, as messages spell it. */
export const levelVersionText = ({ level, version }: LevelVersion): string => `${level}:${versionText(version)}`;

/** Negative when `a` is less strict than `b`. */
export const compareLevels = (a: Level, b: Level): number => LEVELS.indexOf(a) - LEVELS.indexOf(b);

/** Reads `LEVEL[:VERSION]`; without a version, the latest. Throws `pod-security.level` or `pod-security.version`. */
export function parseLevelVersion(text: string): LevelVersion {
  const at = text.indexOf(':');
  const level = parseLevel(at < 0 ? text : text.slice(0, at));
  if (level === undefined)
    throw new UnrootError(`"${text}" names no level of Pod Security`, {
      code: 'pod-security.level',
      expected: `${LEVELS.join(', ')}; with :v1.NN or :latest behind it if need be`,
    });
  const version = at < 0 ? 'latest' : parseVersion(text.slice(at + 1));
  if (version === undefined)
    throw new UnrootError(`"${text}" names no version of Pod Security`, {
      code: 'pod-security.version',
      expected: `${level}:latest, or the minor of a Kubernetes release: ${level}:v1.34`,
    });
  return { level, version };
}
