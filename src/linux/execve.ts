/** What execve(2) and the setuid family do to ids and capability sets (security/commoncap.c, capabilities(7)). */
import {
  ALL_CAPABILITIES,
  type Capability,
  type CapabilitySet,
  type CapabilityState,
  capabilitySet,
  type FileCapabilities,
} from './capability.ts';
import type { Credentials } from './credentials.ts';

/** What execve looks at in the file. For a script it is the interpreter's file that counts. */
export interface Executable {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly fileCapabilities?: FileCapabilities;
  /** The mount has nosuid: set-id bits and file capabilities are ignored. */
  readonly noSuid?: boolean;
}

export interface ExecveRuns {
  readonly kind: 'runs';
  /** Ids after it: effective, which is what file access uses. The real ids stay. */
  readonly uid: number;
  readonly gid: number;
  readonly realUid: number;
  readonly realGid: number;
  readonly capabilities: CapabilityState;
  readonly steps: readonly string[];
}

export interface ExecveRefused {
  readonly kind: 'refused';
  readonly errno: 'EPERM';
  /** First capability the file insists on and the bounding set lacks. */
  readonly missing: Capability;
  readonly steps: readonly string[];
}

const both = (a: CapabilitySet, b: CapabilitySet): CapabilitySet => a.filter((name) => b.includes(name));
const either = (a: CapabilitySet, b: CapabilitySet): CapabilitySet => capabilitySet([...a, ...b]);
const without = (a: CapabilitySet, b: CapabilitySet): CapabilitySet => a.filter((name) => !b.includes(name));

/** `who.uid` and `who.gid` are both real and effective, as they are for the first process of a container. */
export function transitionOnExecve(
  who: Pick<Credentials, 'uid' | 'gid' | 'capabilities' | 'noNewPrivileges'>,
  file: Executable,
): ExecveRuns | ExecveRefused {
  const steps: string[] = [];
  const old = who.capabilities;
  const noSuid = file.noSuid === true;
  if (noSuid && ((file.mode & 0o6000) !== 0 || file.fileCapabilities !== undefined)) {
    steps.push('the mount has nosuid: set-id bits and file capabilities are ignored');
  }

  // bprm_fill_uid
  let uid = who.uid;
  let gid = who.gid;
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
  const becameRoot = uid === 0 && who.uid !== 0;
  if (fileCaps !== undefined && becameRoot) {
    steps.push('set-user-id root with file capabilities: only the file capabilities count');
  } else if (uid === 0 || who.uid === 0) {
    permitted = either(old.bounding, old.inheritable);
    if (uid === 0) effective = true;
    steps.push(`uid 0: permitted is bounding and inheritable together, ${listed(permitted)}`);
  }

  const changedIds = uid !== who.uid || gid !== who.gid;
  if (who.noNewPrivileges && without(permitted, old.permitted).length > 0) {
    permitted = both(permitted, old.permitted);
    steps.push(`no_new_privs is set: nothing beyond what was permitted before, ${listed(permitted)}`);
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
  return { kind: 'runs', uid, gid, realUid: who.uid, realGid: who.gid, capabilities, steps };
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
