/** What Pod Security holds against an object, as findings: one for each field that is wrong or missing, with the sentence of the API server. */
import type { Finding } from '../finding/finding.ts';
import type { CheckedObject, PlacedOffender } from '../pod-security/check-manifest.ts';
import { violationText } from '../pod-security/evaluate.ts';

/** `runAsNonRoot` → `pod-security-run-as-non-root`: the id of the finding, of its page and of the control's file. */
export const podSecurityCheckId = (control: string): string =>
  `pod-security-${control.replace(/_/g, '-').replace(/([A-Z]+)/g, (capitals) => `-${capitals.toLowerCase()}`)}`;

/** The findings about one object, in the order of the message. */
export const podSecurityFindings = (file: string, object: CheckedObject): readonly Finding[] =>
  object.violations.flatMap((violation) =>
    violation.offenders.map(
      (offender): Finding => ({
        id: podSecurityCheckId(violation.control.id),
        severity: 'error',
        confidence: 'high',
        message: violationText(violation),
        object: object.name === '' ? object.kind : `${object.kind}/${object.name}`,
        ...(offender.container === undefined ? {} : { container: offender.container }),
        control: violation.control.id,
        where: { file: offender.file ?? file, line: offender.line, column: offender.column },
        evidence: [{ kind: 'derived', text: fieldText(offender) }],
      }),
    ),
  );

const LONGEST = 80;

function fieldText({ field, value }: PlacedOffender): string {
  if (value === undefined) return `${field} is not written`;
  const text = JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one)) ?? String(value);
  return `${field} is ${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}`;
}
