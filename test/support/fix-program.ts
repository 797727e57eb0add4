/** A script over busybox as an image, and what `unroot fix` makes of it. */
import { join } from 'node:path';
import type { FixReport } from '../../src/report/report.ts';
import { busyboxSpec } from '../conformance/busybox-image.ts';
import { reportOf, unroot } from './cli.ts';
import { onPath } from './debian-image.ts';
import { type LayerItem, writeLayout } from './image-builder.ts';

const engine = onPath('runc') ? 'runc' : 'builtin';
let serial = 0;

/** Below `folder`; `script` is its command. */
export function scriptImage(
  folder: string,
  script: string,
  items: readonly LayerItem[],
  config: Readonly<Record<string, unknown>> = {},
): string {
  const start: LayerItem = { path: '/start', content: `#!/bin/sh\n${script}`, mode: 0o755 };
  const settings = { Env: ['PATH=/bin'], Cmd: ['/start'], WorkingDir: '/', ...config };
  const layout = join(folder, `image${serial++}`);
  return `oci:${writeLayout(layout, { layers: [...busyboxSpec().layers, [start, ...items]], config: settings })}:latest`;
}

/** Its report, by the rules of Podman. */
export async function fixProgram(image: string, ...args: readonly string[]): Promise<FixReport> {
  const result = await unroot(['fix', image, '--engine', engine, '--platform-profile', 'podman', '-o', 'json', ...args]);
  return reportOf<FixReport>(result, 'fix');
}
