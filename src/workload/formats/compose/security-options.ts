/** `security_opt`: the options of `docker run --security-opt`. */
import type { TextProblem } from '../../../text/span.ts';
import { problemOf, textOf, type Value } from './value.ts';

export interface SecurityOptions {
  readonly noNewPrivileges?: boolean;
  readonly unmaskedProc?: boolean;
  /** Whether new privileges are barred hangs on something that is not known. */
  readonly unknown?: string;
}

/** moby daemon/daemon_unix.go parseSecurityOpt: `NAME=VALUE`, in older files `NAME:VALUE`; the last one counts. */
export function securityOptions(value: Value | undefined, problems: TextProblem[]): SecurityOptions {
  let noNewPrivileges: boolean | undefined;
  let unmaskedProc: boolean | undefined;
  let unknown: string | undefined;
  if (value !== undefined && value.kind !== 'list') problems.push(problemOf(value, 'security_opt must be a list', 'error'));
  for (const item of value?.kind === 'list' ? value.items : []) {
    const text = textOf(item) ?? '';
    const [, name = text, said = ''] = /^([\w-]+)[=:]([\s\S]*)$/.exec(text) ?? [];
    if (item.kind === 'scalar' && item.unset !== undefined)
      unknown = `its security_opt hangs on ${item.unset.join(', ')}, which is not set here`;
    else if (name === 'no-new-privileges' && /^(?:|true|1|t)$/i.test(said)) noNewPrivileges = true;
    else if (name === 'no-new-privileges' && /^(?:false|0|f)$/i.test(said)) noNewPrivileges = false;
    else if (name === 'systempaths' && said === 'unconfined') unmaskedProc = true;
    else if (!/^(?:seccomp|apparmor|label|mask|unmask|proc-opts|writable-cgroups|credentialspec)$/.test(name))
      problems.push(problemOf(item, `security_opt ${JSON.stringify(text)} is not understood`));
  }
  return {
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
    ...(unmaskedProc === undefined ? {} : { unmaskedProc }),
    ...(unknown === undefined ? {} : { unknown }),
  };
}
