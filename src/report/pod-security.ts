/** From checked manifests to the document of `check --pod-security`. */
import { podSecurityFindings } from '../checks/pod-security.ts';
import type { Finding } from '../finding/finding.ts';
import type { CheckedManifest } from '../pod-security/check-manifest.ts';
import { NEWEST_VERSION } from '../pod-security/evaluate.ts';
import { type LevelVersion, levelVersionText, versionText } from '../pod-security/level.ts';
import type { TextProblem } from '../text/span.ts';
import { type PodSecurityObject, type PodSecurityReport, SCHEMA_VERSION } from './report.ts';
import { reported } from './reported-finding.ts';

export interface PodSecurityParts {
  readonly targets: readonly string[];
  readonly policy: LevelVersion;
  readonly manifests: readonly { readonly path: string; readonly checked: CheckedManifest }[];
  /** Files that could not be read at all. */
  readonly problems: readonly TextProblem[];
}

/** All files in one document. */
export function podSecurityReport({ targets, policy, manifests, problems }: PodSecurityParts): PodSecurityReport {
  const findings: Finding[] = [];
  const objects: PodSecurityObject[] = [];
  for (const { path, checked } of manifests) {
    for (const { violations, ...object } of checked.objects) {
      const own = podSecurityFindings(path, { ...object, violations });
      objects.push({ file: path, ...object, findings: own.map((_, index) => findings.length + index) });
      findings.push(...own);
    }
  }
  const newest = policy.version === 'latest' ? NEWEST_VERSION : Math.min(policy.version, NEWEST_VERSION);
  return {
    schemaVersion: SCHEMA_VERSION,
    kind: 'check',
    target: targets.join(', '),
    podSecurity: { policy: levelVersionText(policy), rulesOf: versionText(newest), objects },
    findings: reported(findings, []),
    diagnostics: [...problems, ...manifests.flatMap(({ checked }) => checked.problems)],
    unknown: manifests.flatMap(({ path, checked }) => (checked.skipped.length === 0 ? [] : [skippedText(path, checked.skipped)])),
  };
}

const SHOWN = 5;

/** `web.yaml: no pod in Service/web, ConfigMap/settings and 3 more`. */
function skippedText(path: string, skipped: readonly string[]): string {
  const named = [...new Set(skipped)];
  const more = named.length - SHOWN;
  return `${path}: no pod in ${named.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
