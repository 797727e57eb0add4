/** What execve(2) and the setuid family do to ids and capability sets (security/commoncap.c, capabilities(7)). */
import {
  ALL_CAPABILITIES,
  type Capability,
  type CapabilitySet,
  type CapabilityState,
  capabilitySet,
  type FileCapabilities,
  type InvalidFileCapabilities,
} from './capability.ts';
import type { Credentials } from './credentials.ts';

/** What execve looks at in the file. For a script it is the interpreter's file that counts. */
export interface Executable {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly fileCapabilities?: FileCapabilities;
  /** The attribute is there and makes no sense (why, and with which errno): the kernel does not execute such a file. */
  readonly invalidFileCapabilities?: InvalidFileCapabilities;
  /** The mount has nosuid: set-id bits and file capabilities are ignored. */
  readonly noSuid?: boolean;
}

/** Who calls it: what file access looks at, and what only execve asks for, where it differs from the usual. */
export interface ExecveCaller extends Pick<Credentials, 'uid' | 'gid' | 'capabilities' | 'noNewPrivileges'> {
  readonly groups?: readonly number[];
  /** Default: the effective ids, as they are for the first process of a container. */
  readonly realUid?: number;
  readonly realGid?: number;
  /** SECBIT_NOROOT: uid 0 is nobody special. */
  readonly noRoot?: boolean;
}

export interface ExecveRules {
  /**
   * When ids count as changed, which clears ambient capabilities. Kernels since 2025 ("exec: Correct the permission check for unsafe
   * exec") compare the effective uid before and after and let any own group pass; older ones compare with the real ids.
   */
  readonly idChange?: 'from-effective' | 'from-real';
}

export interface ExecveRuns {
  readonly kind: 'runs';
  /** Ids after it: effective, which is what file access uses; the saved ones are the same. The real ids stay. */
  readonly uid: number;
  readonly gid: number;
  readonly realUid: number;
  readonly realGid: number;
  readonly capabilities: CapabilityState;
  readonly steps: readonly string[];
}

export interface ExecveRefused {
  readonly kind: 'refused';
  readonly errno: 'EPERM' | InvalidFileCapabilities['errno'];
  /** EPERM: the first capability that the file insists on and the bounding set lacks. */
  readonly missing?: Capability;
  readonly steps: readonly string[];
}

const both = (a: CapabilitySet, b: CapabilitySet): CapabilitySet => a.filter((name) => b.includes(name));
const either = (a: CapabilitySet, b: CapabilitySet): CapabilitySet => capabilitySet([...a, ...b]);
const without = (a: CapabilitySet, b: CapabilitySet): CapabilitySet => a.filter((name) => !b.includes(name));

/** What becomes of `who` when it executes `file`, or why it may not. Whether it may execute the file at all (x, noexec) is access's question. */
export function transitionOnExecve(who: ExecveCaller, file: Executable, rules: ExecveRules = {}): ExecveRuns | ExecveRefused {
  const steps: string[] = [];
  const old = who.capabilities;
  const realUid = who.realUid ?? who.uid;
  const realGid = who.realGid ?? who.gid;
  const noSuid = file.noSuid === true;
  const attribute = file.fileCapabilities !== undefined || file.invalidFileCapabilities !== undefined;
  if (noSuid && ((file.mode & 0o6000) !== 0 || attribute)) {
    steps.push('the mount has nosuid: set-id bits and file capabilities are ignored');
  }

  // bprm_fill_uid
  let { uid, gid } = who;
  if (!noSuid && who.noNewPrivileges && (file.mode & 0o6000) !== 0) steps.push('no_new_privs is set: set-id bits are ignored');
  if (!noSuid && !who.noNewPrivileges) {
    if ((file.mode & 0o4000) !== 0) {
      uid = file.uid;
      steps.push(`the set-user-id bit makes uid ${uid} of it`);
    }
    if ((file.mode & 0o2010) === 0o2010) {
      gid = file.gid;
      steps.push(`the set-group-id bit makes gid ${gid} of it`);
    }
  }

  // get_file_caps; a revision 3 attribute counts only for its own root, which is uid 0 here.
  if (!noSuid && file.invalidFileCapabilities !== undefined) {
    const { invalid, errno } = file.invalidFileCapabilities;
    steps.push(`security.capability of the file is invalid (${invalid}): execve fails with ${errno}`);
    return { kind: 'refused', errno, steps };
  }
  const usable = !noSuid && file.fileCapabilities !== undefined && (file.fileCapabilities.rootId ?? 0) === 0;
  const fileCaps = usable ? file.fileCapabilities : undefined;
  let permitted: CapabilitySet = [];
  let effective = false;
  if (fileCaps !== undefined) {
    permitted = either(both(old.bounding, fileCaps.permitted), both(old.inheritable, fileCaps.inheritable));
    effective = fileCaps.effective;
    const lacking = without(fileCaps.permitted, permitted);
    if (effective && lacking[0] !== undefined) {
      steps.push(
        `the file insists on ${lacking.join(', ')} (effective bit), which the bounding set lacks: execve fails with EPERM, for root too`,
      );
      return { kind: 'refused', errno: 'EPERM', missing: lacking[0], steps };
    }
    steps.push(`file capabilities give ${listed(permitted)}`);
  }

  // handle_privileged_root
  if (who.noRoot === true) {
    if (uid === 0 || realUid === 0) steps.push('SECBIT_NOROOT is set: uid 0 gains nothing by itself');
  } else if (fileCaps !== undefined && uid === 0 && realUid !== 0) {
    steps.push('set-user-id root with file capabilities: only the file capabilities count');
  } else if (uid === 0 || realUid === 0) {
    permitted = either(old.bounding, old.inheritable);
    if (uid === 0) effective = true;
    steps.push(`uid 0: permitted is bounding and inheritable together, ${listed(permitted)}`);
  }

  const changedIds =
    rules.idChange === 'from-real'
      ? uid !== realUid || gid !== realGid
      : uid !== who.uid || (gid !== who.gid && who.groups?.includes(gid) !== true);
  if (who.noNewPrivileges && (changedIds || without(permitted, old.permitted).length > 0)) {
    permitted = both(permitted, old.permitted);
    steps.push(`no_new_privs is set: nothing beyond what was permitted before, ${listed(permitted)}`);
    if (uid !== realUid || gid !== realGid) steps.push(`and the ids go back to the real ones, ${realUid}:${realGid}`);
    uid = realUid;
    gid = realGid;
  }
  const ambient = fileCaps !== undefined || changedIds ? [] : old.ambient;
  if (ambient.length > 0) steps.push(`ambient capabilities stay: ${listed(ambient)}`);
  permitted = either(permitted, ambient);
  const capabilities: CapabilityState = {
    bounding: old.bounding,
    permitted,
    effective: effective ? permitted : ambient,
    inheritable: old.inheritable,
    ambient,
  };
  if (permitted.length === 0 && old.permitted.length > 0 && uid !== 0) {
    steps.push(`uid ${uid} is not 0, the file has no capabilities and nothing is ambient: permitted and effective become empty`);
  }
  return { kind: 'runs', uid, gid, realUid, realGid, capabilities, steps };
}

function listed(set: CapabilitySet): string {
  if (set.length === 0) return 'none';
  return set.length === ALL_CAPABILITIES.length ? 'all' : set.join(', ');
}

/** Real, effective and saved uid. */
export interface UserIds {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
}

/** cap_emulate_setxuid: leaving root for good clears permitted, effective and ambient (keepCaps spares the first), leaving it for a while only effective. */
export function capabilitiesAfterSetuid(state: CapabilityState, from: UserIds, to: UserIds, keepCaps = false): CapabilityState {
  const wasRoot = from.real === 0 || from.effective === 0 || from.saved === 0;
  const isRoot = to.real === 0 || to.effective === 0 || to.saved === 0;
  let { permitted, effective, ambient } = state;
  if (wasRoot && !isRoot) {
    if (!keepCaps) {
      permitted = [];
      effective = [];
    }
    ambient = [];
  }
  if (from.effective === 0 && to.effective !== 0) effective = [];
  if (from.effective !== 0 && to.effective === 0) effective = permitted;
  return { ...state, permitted, effective, ambient };
}
