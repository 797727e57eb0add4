/** What a report is called in a list of tabs, of test suites, in a log. */
import type { Report } from '../report.ts';

const SHOWN = 3;

/** `unroot who web.yaml`, however many containers there are. */
export function titleOf(report: Report): string {
  const names = 'target' in report ? [report.target] : report.containers.map(({ name, workload }) => workload?.file ?? name);
  const named = [...new Set(names)].map((name) => (name === '-' ? 'standard input' : name));
  const more = named.length - SHOWN;
  return `unroot ${report.kind} ${named.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`.trimEnd();
}
