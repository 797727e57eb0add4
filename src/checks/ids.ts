/** The ids that a finding can have. */
import { controls } from '../pod-security/controls/index.ts';
import { dockerfileChecks } from './dockerfile/index.ts';
import { checks } from './index.ts';
import { podSecurityCheckId } from './pod-security.ts';

/** Of all checks, those of Dockerfiles and Pod Security's among them. */
export const checkIds = (): readonly string[] => [
  ...checks.map(({ id }) => id),
  ...dockerfileChecks.map(({ id }) => id),
  ...controls.map((control) => podSecurityCheckId(control.id)),
];
