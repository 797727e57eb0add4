/** Reads out of a complaint what it is about, where that takes more than one pattern. */

import type { Subject } from './log-category.ts';
import { pathInComplaint } from './log-path.ts';

/** The subject is a group of the pattern. */
export const group =
  (index: number): Subject =>
  (match) =>
    match[index];
/** The subject is known. */
export const always =
  (subject: string): Subject =>
  () =>
    subject;
/** The subject is the path in the line. */
export const path: Subject = (_match, line) => pathInComplaint(line);

/** What an admission controller objects to, the gravest first. */
export function objection(_match: RegExpExecArray, line: string): string | undefined {
  const prefix = /hostPath\.pathPrefix: Invalid value: \\?"([^"\\]+)/.exec(line);
  if (prefix !== null) return `hostPath ${prefix[1]}`;
  const user = /runAsUser: Invalid value: (\d+)/.exec(line);
  if (user !== null) return `runAsUser ${user[1]}`;
  if (/\bprivileged \(|\.privileged: Invalid/.test(line)) return 'privileged';
  const host = ['hostNetwork', 'hostPID', 'hostIPC', 'hostPath', 'hostPort'].filter((name) => line.includes(name));
  if (host.length > 0) return host.join(',');
  return (
    /: (\w+) (?:!= \w+ )?\(/.exec(line)?.[1] ??
    /(allowPrivilegeEscalation|capabilities|runAsNonRoot|seccompProfile|fsGroup|runAsUser)/.exec(line)?.[1]
  );
}

/** `0.0.0.0:80`, `[::]:443`, `*:53`, `('0.0.0.0', 80)`, `port 22`, `Connector[HTTP/1.1-80]`. */
export function portIn(text: string): string | undefined {
  const shapes = [
    /\bport[ =:"]*(\d{1,5})\b/i,
    /(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]*\]|\*|localhost|::)[:#](\d{1,5})\b/i,
    /(?:^|[\s"'[(])(?:tcp|udp)?[46]? ?:(\d{1,5})\b/i,
    /['"](?:[\d.]+|[:a-f\d]*|localhost)['"], (\d{1,5})\)/,
    /\bHTTP\/1\.1"?-"?(?:[\w-]*-)?(\d{1,5})/i,
    /\[?[\w.-]+[/:][\d.:[\]]*:(\d{1,5})\b/,
    /\b[a-z][\w.-]*:(\d{1,5})\b/i,
  ];
  for (const shape of shapes) {
    const port = shape.exec(text)?.[1];
    if (port !== undefined && Number(port) > 0 && Number(port) < 65_536) return port;
  }
  return undefined;
}
/** Ports from 1024 on need nothing: a refusal there has another cause. */
export const lowPort = (_match: RegExpExecArray, line: string): string | undefined =>
  portIn(line.replace(/^\[?\d{4}-\d\d-\d\d[T ][\d:.,]+\S*\]?/, '').replace(/\b\d\d:\d\d:\d\d\b\S*/g, ''));

/** The program of a set-user-ID complaint, where it is usually found. */
export function setuidProgram(line: string): string {
  const program = /(?:^|\s|\/)(sudo|su|doas|ping|mount|pkexec|newuidmap)\b/.exec(line)?.[1] ?? 'sudo';
  return `/usr/bin/${program}`;
}
