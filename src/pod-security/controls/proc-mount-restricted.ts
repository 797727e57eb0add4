/** Restricted from 1.35, when baseline became milder: /proc keeps its masks in every pod. Source: policy/check_procMount_restricted.go. */
import type { Control } from '../control.ts';
import { procMountIsDefault } from './proc-mount.ts';

export const procMountRestricted: Control = {
  id: 'procMount_restricted',
  level: 'restricted',
  summary: 'The masks over /proc stay.',
  revisions: [{ since: 35, rule: procMountIsDefault, overrides: ['procMount'] }],
};
