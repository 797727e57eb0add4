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
