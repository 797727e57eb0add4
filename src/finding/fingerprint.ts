/** What makes a finding the same finding after the lines around it have moved: for SARIF and for baselines. */
import type { Finding } from './finding.ts';

/** Id, container, and what it is about; of a manifest the object rather than the line. */
export function fingerprint(finding: Finding): string {
  const { id, container = '', object, where, message, evidence } = finding;
  const file = where.file?.replace(/^(?:\.\/+)+/, '');
  if (object === undefined)
    return [id, container, where.path ?? [...(file === undefined ? [] : [file]), message].join('|')].join('|');
  return [id, container, file, object, where.path ?? evidence[0]?.text].join('|');
}
