/** A report as one JSON document. */
import type { Report } from '../report.ts';

/** Two blanks of indentation, one line break at the end. */
export const renderJson = (report: Report): string => `${JSON.stringify(report, null, 2)}\n`;
