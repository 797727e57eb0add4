/** What can be done about a port that only a privileged process may bind. */
export const PORT_STRATEGIES = ['auto', 'sysctl', 'capability', 'move'] as const;

/**
 * sysctl: any user may bind it, in this network namespace. capability: the program may. move: it listens on another port, and the outside keeps the old
 * one. auto: the first of them that the platform and the settings allow.
 */
export type PortStrategy = (typeof PORT_STRATEGIES)[number];
