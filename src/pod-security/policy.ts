/** What the labels of a namespace ask for. Sources: api/constants.go and PolicyToEvaluate in api/helpers.go. */
import {
  compareLevels,
  LEVEL_EXPECTED,
  type Level,
  type LevelVersion,
  parseLevel,
  parseVersion,
  VERSION_EXPECTED,
  type Version,
} from './level.ts';
import { goQuote } from './words.ts';

export const MODES = ['enforce', 'audit', 'warn'] as const;
export type Mode = (typeof MODES)[number];

export type Policy = Readonly<Record<Mode, LevelVersion>>;

const PREFIX = 'pod-security.kubernetes.io/';

/** `pod-security.kubernetes.io/enforce`, and `…/enforce-version`. */
export const levelLabel = (mode: Mode): string => `${PREFIX}${mode}`;
export const versionLabel = (mode: Mode): string => `${PREFIX}${mode}-version`;

const NOTHING: LevelVersion = { level: 'privileged', version: 'latest' };

/** Of a cluster that nobody configured: everything is allowed. */
export const OPEN_POLICY: Policy = { enforce: NOTHING, audit: NOTHING, warn: NOTHING };

export interface NamespacePolicy {
  readonly policy: Policy;
  /** In the words of the API server, which refuses such labels when they are written, and works on with what is left when they are there. */
  readonly errors: readonly string[];
}

/**
 * The policy of a namespace: a bad level enforces restricted, and audits and warns nothing; a bad version is the latest. Whoever enforces
 * more than is warned of by default, and says nothing of warnings, is warned of the same.
 */
export function policyOfLabels(labels: Readonly<Record<string, string>>, defaults: Policy = OPEN_POLICY): NamespacePolicy {
  const errors: string[] = [];
  const label = (name: string): string | undefined => (Object.hasOwn(labels, name) ? labels[name] : undefined);
  const complain = (name: string, value: string, expected: string): void => {
    errors.push(`metadata.labels[${name}]: Invalid value: ${goQuote(value)}: ${expected}`);
  };
  const written = (mode: Mode): { readonly level?: Level | 'bad'; readonly version?: Version } => {
    const [levelText, text] = [label(levelLabel(mode)), label(versionLabel(mode))];
    const level = levelText === undefined ? undefined : parseLevel(levelText);
    if (levelText !== undefined && level === undefined) complain(levelLabel(mode), levelText, LEVEL_EXPECTED);
    const version = text === undefined ? undefined : parseVersion(text);
    if (text !== undefined && version === undefined) complain(versionLabel(mode), text, VERSION_EXPECTED);
    return {
      ...(levelText === undefined ? {} : { level: level ?? 'bad' }),
      ...(text === undefined ? {} : { version: version ?? 'latest' }),
    };
  };
  const [enforce, audit, warn] = [written('enforce'), written('audit'), written('warn')];
  const resolved = (mode: Mode, { level, version }: ReturnType<typeof written>, ifBad: Level): LevelVersion => ({
    level: level === 'bad' ? ifBad : (level ?? defaults[mode].level),
    version: version ?? defaults[mode].version,
  });
  const policy = {
    enforce: resolved('enforce', enforce, 'restricted'),
    audit: resolved('audit', audit, 'privileged'),
    warn: resolved('warn', warn, 'privileged'),
  };
  const follows =
    warn.level === undefined &&
    enforce.level !== undefined &&
    enforce.level !== 'bad' &&
    compareLevels(policy.enforce.level, policy.warn.level) > 0;
  if (!follows) return { policy, errors };
  const version = warn.version === undefined ? policy.enforce.version : policy.warn.version;
  return { policy: { ...policy, warn: { level: policy.enforce.level, version } }, errors };
}
