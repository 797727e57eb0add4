/** The formats by name. Each is loaded only when it is asked for: the command line must start fast. */
import type { Block } from '../block.ts';
import type { Report } from '../report.ts';
import { titleOf } from './title.ts';

export const FORMATS = ['table', 'json', 'yaml', 'ndjson', 'markdown', 'html', 'sarif', 'junit', 'github'] as const;
export type Format = (typeof FORMATS)[number];

export interface RenderOptions {
  readonly color: boolean;
  /** Columns, for tables. */
  readonly width: number;
  /** Everything, even what is usually too much. */
  readonly verbose: boolean;
}

/** The report in the format, as text that ends in a line break. */
export async function render(report: Report, format: Format, options: RenderOptions): Promise<string> {
  switch (format) {
    case 'json':
      return (await import('./json.ts')).renderJson(report);
    case 'ndjson':
      return (await import('./ndjson.ts')).renderNdjson(report);
    case 'yaml':
      return (await import('./yaml.ts')).renderYaml(report);
    case 'sarif':
      return (await import('./sarif.ts')).renderSarif(report);
    case 'junit':
      return (await import('./junit.ts')).renderJunit(report);
    case 'github':
      return (await import('./github.ts')).renderGithub(report);
    case 'table':
      return (await import('./table.ts')).renderTable(await view(report, options.verbose), options);
    case 'markdown':
      return (await import('./markdown.ts')).renderMarkdown(await view(report, options.verbose));
    case 'html':
      return (await import('./html.ts')).renderHtml(await view(report, options.verbose), titleOf(report));
  }
}

async function view(report: Report, verbose: boolean): Promise<readonly Block[]> {
  switch (report.kind) {
    case 'who':
      return (await import('../views/who.ts')).viewWho(report, verbose);
    case 'check':
      if ('podSecurity' in report) return (await import('../views/pod-security.ts')).viewPodSecurity(report, verbose);
      return (await import('../views/check.ts')).viewCheck(report, verbose);
    case 'fix':
      if ('files' in report) return (await import('../views/text-fix.ts')).viewTextFix(report, verbose);
      return (await import('../views/fix.ts')).viewFix(report, verbose);
    case 'prove':
      if ('services' in report) return (await import('../views/prove-project.ts')).viewProveProject(report, verbose);
      return (await import('../views/prove.ts')).viewProve(report, verbose);
    case 'trace':
      return (await import('../views/trace.ts')).viewTrace(report, verbose);
    case 'scan':
      return (await import('../views/scan.ts')).viewScan(report, verbose);
    case 'explain':
      return (await import('../views/explain.ts')).viewExplain(report, verbose);
  }
}
