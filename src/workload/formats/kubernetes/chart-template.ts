/** A template of a Helm chart is no YAML before it is rendered: says so, and how to render it. */
import { problemAt, type SourceFile } from '../../../text/source-file.ts';
import type { TextProblem } from '../../../text/span.ts';
import type { BrokenDocument } from '../../../text/yaml/read.ts';

const TEMPLATE = 'this is a template, not YAML yet';

export const isTemplateProblem = (message: string): boolean => message.startsWith(TEMPLATE);

/** The problem of a broken document in which `{{` was found. */
export function templateProblem(source: SourceFile, { start }: BrokenDocument): TextProblem {
  const at = source.text.indexOf('{{', start);
  const chart = chartOf(source.path);
  return problemAt(
    source,
    at,
    `${TEMPLATE}: render its chart and check what comes out, helm template ${chart} | unroot check -`,
    'warning',
  );
}

/** The folder above the innermost `templates/`; without one, a placeholder. */
function chartOf(path: string): string {
  const match = /^(.*?)\/?(?:^|\/)templates\/(?!.*\/templates\/)/.exec(path);
  if (match === null) return 'CHART';
  const folder = match[1] === '' ? (path.startsWith('/') ? '/' : '.') : match[1]!;
  return /^[\w@%+=:,./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", `'\\''`)}'`;
}
