/** docs/profiles.md says what the profiles' data says. Stale? `UPDATE=1 npx vitest run test/profiles-doc.test.ts` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { capabilityMask } from '../src/linux/capability.ts';
import type { PlatformProfile } from '../src/platform/platform.ts';
import { PROFILE_NAMES, PROFILES } from '../src/platform/profiles.ts';
import type { ProfileVariant } from '../src/platform/variant.ts';

const FILE = fileURLToPath(new URL('../docs/profiles.md', import.meta.url));

const VARIANTS: readonly ProfileVariant[] = PROFILE_NAMES.flatMap((name) => PROFILES[name]);
const variants: readonly PlatformProfile[] = VARIANTS.map((one) => one.profile);
const observedOf = (one: PlatformProfile): readonly string[] => VARIANTS.find(({ profile }) => profile === one)?.observed ?? [];

const COLUMNS: readonly [title: string, value: (one: PlatformProfile) => string][] = [
  ['Profile', (one) => `\`${one.name}\``],
  ['Versions', (one) => one.versions],
  [
    'Default capabilities',
    (one) => `${one.defaultCapabilities.length} (\`${capabilityMask(one.defaultCapabilities).toString(16)}\`)`,
  ],
  [
    'A non-root process starts with',
    (one) =>
      ({
        permitted: 'the list, until its first execve',
        'bounding-only': 'the bounding set only',
        'added-as-ambient': 'added ones only, as ambient',
      })[one.nonRootCapabilities],
  ],
  ['Low ports', (one) => (one.sysctls['net.ipv4.ip_unprivileged_port_start'] === '0' ? 'free' : 'from 1024')],
  ['Ping', (one) => (one.sysctls['net.ipv4.ping_group_range'] === undefined ? 'nobody' : 'everyone')],
  ["`:group` of the image's USER", (one) => (one.kubelet ? 'ignored' : 'used; memberships in /etc/group are dropped')],
  ['HOME of an unknown uid', (one) => (one.home.unknownUser === '/' ? '`/`' : 'WORKDIR')],
  [
    'Dockerfile VOLUME',
    (one) =>
      ({
        'copy-content': "image's content and owner, else root 0755",
        'copy-content-or-user-owned': "image's content and owner, else the user's",
        'mkdir-user-owned': "image's directory, else the user's",
      })[one.imageVolumes],
  ],
  ['no_new_privs', (one) => (one.noNewPrivileges ? 'yes' : 'no')],
  ['Runtime', (one) => one.runtime ?? ''],
  ['Observed by tests', (one) => observedOf(one).join(', ') || 'no: read from its sources'],
];

function document(): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const lines = [
    '# Platform profiles',
    '',
    'What differs between the systems that start containers. Made from the data in `src/platform/` by `test/profiles-doc.test.ts`; do not edit.',
    `Last compared with the sources: ${[...new Set(variants.map((one) => one.asOf))].join(', ')}.`,
    '',
    '`--platform-profile NAME` chooses one. For a local engine the variant follows its version, and what `containers.conf` changes is read from the machine.',
    '',
    'Observed: hundreds of combinations were really started with that version and every field compared with what this data predicts (`test/reality/launch-*.test.ts`, counts in `docs/conformance.md`). Everything else is read from the sources named below.',
    '',
    row(COLUMNS.map(([title]) => title)),
    row(COLUMNS.map(() => '---')),
    ...variants.map((one) => row(COLUMNS.map(([, value]) => value(one)))),
    '',
    '## Sources',
    '',
    'A variant lists only what differs from the newest one of its platform.',
  ];
  for (const name of PROFILE_NAMES) {
    const newest = PROFILES[name][0]?.profile;
    for (const { profile } of PROFILES[name]) {
      const seen = observedOf(profile);
      const how = seen.length === 0 ? 'Read from its sources; no test has seen it.' : `Observed: ${seen.join(', ')}.`;
      lines.push('', `### ${name}, ${profile.versions}`, '', how, '');
      const facts = Object.entries(profile.sources).filter(
        ([field, source]) => profile === newest || newest?.sources[field] !== source,
      );
      for (const [field, source] of facts) lines.push(`- **${field}** \`${shown(profile, field)}\`: ${source}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function shown(profile: PlatformProfile, field: string): string {
  const value = profile[field as keyof PlatformProfile];
  if (field === 'defaultCapabilities')
    return profile.defaultCapabilities.map((name) => name.slice('CAP_'.length)).join(' ') || 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

it('docs/profiles.md is up to date', () => {
  if (process.env.UPDATE === '1') writeFileSync(FILE, document());
  expect(readFileSync(FILE, 'utf8')).toBe(document());
});
