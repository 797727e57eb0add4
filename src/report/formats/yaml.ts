/** A report as YAML: the same document as JSON, for people who read it. */
import { stringify } from 'yaml';
import type { Report } from '../report.ts';

/** No anchors, no folding: values stay on the line they belong to. */
export const renderYaml = (report: Report): string => stringify(report, { aliasDuplicateObjects: false, lineWidth: 0 });
