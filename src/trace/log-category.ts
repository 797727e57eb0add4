/** What a complaint in a log comes down to. */

/** Causes, named as people report them. */
export type LogCategory =
  | 'low_port'
  | 'sysctl'
  | 'unwritable_path'
  | 'dev_stdout'
  | 'readonly_rootfs'
  | 'chown_denied'
  | 'entrypoint_needs_root'
  | 'setuid_setgid_denied'
  | 'passwd_entry_missing'
  | 'home_missing'
  | 'volume_ownership'
  | 'fsgroup_not_applied'
  | 'hostpath'
  | 'arbitrary_uid_openshift'
  | 'file_caps_bounding'
  | 'no_new_privs'
  | 'capability_missing'
  | 'ping_icmp'
  | 'device_access'
  | 'selinux'
  | 'package_install'
  | 'image_runs_as_root'
  | 'nonnumeric_user'
  | 'pss_admission_denied'
  | 'other';

/** Reads from a match, or from the whole line, what a complaint is about. */
export type Subject = (match: RegExpExecArray, line: string) => string | undefined;

/** One way of complaining. */
export interface LogRule {
  readonly category: LogCategory;
  readonly when: RegExp;
  /** Also this must be said. */
  readonly and?: RegExp;
  /** What it is about: a path, a port, a capability …; undefined = the line does not say. */
  readonly subject?: Subject;
}
