/** Complaints of a program's own log as events, for runs that no tracer could watch: a path or a port that was refused, and to whom. */
import type { Launch } from '../launch/launch.ts';
import type { Operation } from '../linux/operation.ts';
import type { TraceEvent } from '../trace/event.ts';
import { type LogDenial, logDenials } from '../trace/log-denials.ts';

/** Complaints without a path or port say nothing that a fix could use; the verdict still sees the line. */
export function logEvents(log: string, launch: Launch): TraceEvent[] {
  return logDenials(log).flatMap((denial, seq): TraceEvent[] => {
    const operation = operationOf(denial);
    if (operation === undefined) return [];
    return [
      {
        seq,
        time: 0,
        pid: 0,
        program: launch.executable ?? launch.argv[0] ?? '',
        uid: launch.uid,
        gid: launch.gid,
        syscall: operation.kind,
        operation,
        errno: operation.kind === 'chown' || operation.kind === 'chmod' ? 'EPERM' : 'EACCES',
        raw: denial.text,
      },
    ];
  });
}

function operationOf({ port, path, operation }: LogDenial): Operation | undefined {
  if (port !== undefined && port > 0) return { kind: 'bind', protocol: 'tcp', address: '0.0.0.0', port };
  if (path === undefined || !path.startsWith('/')) return undefined;
  switch (operation) {
    case 'mkdir':
      return { kind: 'mkdir', path };
    case 'unlink':
      return { kind: 'unlink', path };
    case 'chmod':
      return { kind: 'chmod', path, mode: 0o644 };
    case 'chown':
      return { kind: 'chown', path, uid: -1, gid: -1 };
    case 'exec':
      return { kind: 'exec', path };
    case 'chdir':
      return { kind: 'chdir', path };
    case 'bind':
      return { kind: 'bind-unix', path };
    default:
      // The words seldom say whether it was to be read or written; being able to do both answers either.
      return { kind: 'open', path, access: 'read-write', create: true };
  }
}
