/** From an explanation to the document of `explain`. */
import type { Explanation } from '../explain/explanation.ts';
import type { Launch } from '../launch/launch.ts';
import { type ExplainReport, SCHEMA_VERSION } from './report.ts';

/** `target` as the user named it. */
export const explainReport = (target: string, launch: Launch, explanation: Explanation): ExplainReport => ({
  schemaVersion: SCHEMA_VERSION,
  kind: 'explain',
  target,
  container: launch.name,
  platform: launch.platform.name,
  ...explanation,
});
