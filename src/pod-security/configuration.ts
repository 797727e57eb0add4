/**
 * The admission plugin's configuration: defaults for namespaces without labels, and who is exempt. Read from a PodSecurityConfiguration, by
 * itself or inside an AdmissionConfiguration. Sources: admission/api/v1/defaults.go, admission/api/validation/validation.go.
 */
import { LEVEL_EXPECTED, type LevelVersion, parseLevel, parseVersion, VERSION_EXPECTED } from './level.ts';
import { MODES, type Mode, OPEN_POLICY, type Policy } from './policy.ts';
import { kindOf } from './read-pod.ts';
import { goQuote } from './words.ts';

export interface Exemptions {
  readonly usernames: readonly string[];
  readonly namespaces: readonly string[];
  readonly runtimeClasses: readonly string[];
}

export const NO_EXEMPTIONS: Exemptions = { usernames: [], namespaces: [], runtimeClasses: [] };

export interface Configuration {
  readonly defaults: Policy;
  readonly exemptions: Exemptions;
}

export const OPEN_CONFIGURATION: Configuration = { defaults: OPEN_POLICY, exemptions: NO_EXEMPTIONS };

export interface ReadConfiguration {
  readonly configuration: Configuration;
  /** With these the API server does not start. */
  readonly errors: readonly string[];
}

type Mapping = Readonly<Record<string, unknown>>;

const isMapping = (value: unknown): value is Mapping => typeof value === 'object' && value !== null && !Array.isArray(value);
const own = (value: Mapping, name: string): unknown => (Object.hasOwn(value, name) ? (value[name] ?? undefined) : undefined);

const GROUP = 'pod-security.admission.config.k8s.io/';
const VERSIONS = ['v1', 'v1beta1', 'v1alpha1'];

/** Reads the parsed file; undefined when it is neither of the two kinds. Never throws. */
export function readConfiguration(value: unknown): ReadConfiguration | undefined {
  if (!isMapping(value)) return undefined;
  const [apiVersion, kind] = [own(value, 'apiVersion'), own(value, 'kind')];
  if (
    kind === 'AdmissionConfiguration' &&
    typeof apiVersion === 'string' &&
    /^apiserver(?:\.config)?\.k8s\.io\//.test(apiVersion)
  )
    return ofPlugin(own(value, 'plugins'));
  if (kind !== 'PodSecurityConfiguration' || typeof apiVersion !== 'string' || !apiVersion.startsWith(GROUP)) return undefined;
  if (!VERSIONS.includes(apiVersion.slice(GROUP.length)))
    return { configuration: OPEN_CONFIGURATION, errors: [`apiVersion: there is no ${apiVersion}, it is ${GROUP}v1`] };
  return ofConfiguration(value);
}

function ofPlugin(plugins: unknown): ReadConfiguration {
  const plugin: unknown = (Array.isArray(plugins) ? plugins : []).find(
    (one: unknown) => isMapping(one) && own(one, 'name') === 'PodSecurity',
  );
  if (!isMapping(plugin)) return { configuration: OPEN_CONFIGURATION, errors: [] };
  const inside = own(plugin, 'configuration');
  if (inside !== undefined) {
    const read = isMapping(inside) && own(inside, 'kind') === 'PodSecurityConfiguration' ? readConfiguration(inside) : undefined;
    return read ?? bad('plugins[PodSecurity].configuration', 'is no PodSecurityConfiguration');
  }
  const path = own(plugin, 'path');
  return typeof path === 'string' && path !== ''
    ? bad('plugins[PodSecurity].path', `the configuration stands in ${path}: name that file instead`)
    : { configuration: OPEN_CONFIGURATION, errors: [] };
}

const bad = (where: string, what: string): ReadConfiguration => ({
  configuration: OPEN_CONFIGURATION,
  errors: [`${where}: ${what}`],
});

function ofConfiguration(value: Mapping): ReadConfiguration {
  const errors: string[] = [];
  const invalid = (where: string, found: unknown, expected: string): void => {
    errors.push(`${where}: Invalid value: ${typeof found === 'string' ? goQuote(found) : kindOf(found)}: ${expected}`);
  };
  const section = (name: string): Mapping => {
    const found = own(value, name);
    if (found !== undefined && !isMapping(found)) invalid(name, found, 'must be a mapping');
    return isMapping(found) ? found : {};
  };
  const written = section('defaults');
  const parsed = <T>(name: string, parse: (text: string) => T | undefined, otherwise: T, expected: string): T => {
    const found = own(written, name) ?? '';
    if (found === '') return otherwise;
    const read = typeof found === 'string' ? parse(found) : undefined;
    if (read === undefined) invalid(`defaults.${name}`, found, expected);
    return read ?? otherwise;
  };
  const modeOf = (mode: Mode): LevelVersion => ({
    level: parsed(mode, parseLevel, 'privileged', LEVEL_EXPECTED),
    version: parsed(`${mode}-version`, parseVersion, 'latest', VERSION_EXPECTED),
  });
  const [enforce, audit, warn] = MODES.map(modeOf) as [LevelVersion, LevelVersion, LevelVersion];
  const exempt = section('exemptions');
  const names = (name: keyof Exemptions, valid: (text: string) => boolean, expected: string): readonly string[] => {
    const found = own(exempt, name) ?? [];
    if (!Array.isArray(found)) {
      invalid(`exemptions.${name}`, found, 'must be a list');
      return [];
    }
    const seen = new Set<string>();
    for (const [index, one] of (found as readonly unknown[]).entries()) {
      const where = `exemptions.${name}[${index}]`;
      if (typeof one !== 'string' || !valid(one)) invalid(where, one, expected);
      else if (seen.has(one)) errors.push(`${where}: Duplicate value: ${goQuote(one)}`);
      else seen.add(one);
    }
    return [...seen];
  };
  const configuration: Configuration = {
    defaults: { enforce, audit, warn },
    exemptions: {
      namespaces: names('namespaces', isLabel, 'must be the name of a namespace: lower case letters, digits and -, 63 at most'),
      runtimeClasses: names('runtimeClasses', isSubdomain, 'must be a name of lower case letters, digits, - and ., 253 at most'),
      usernames: names('usernames', (text) => text !== '', 'username must not be empty'),
    },
  };
  return { configuration, errors };
}

/** RFC 1123, as apimachinery checks names. */
const isLabel = (text: string): boolean => text.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text);
const isSubdomain = (text: string): boolean =>
  text.length <= 253 && text.split('.').every((part) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(part));
