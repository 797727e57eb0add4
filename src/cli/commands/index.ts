/** The commands by name. Each is a chunk of its own in the bundle, loaded when it is asked for. */
import type { CommandEntry } from '../command.ts';

/** In the order of the help. */
export type CommandName =
  | 'who'
  | 'check'
  | 'fix'
  | 'prove'
  | 'trace'
  | 'run'
  | 'explain'
  | 'scan'
  | 'lab'
  | 'config'
  | 'completion'
  | 'version';

export const COMMANDS: Readonly<Record<CommandName, CommandEntry>> = {
  who: {
    summary: 'who each container really runs as, and why',
    load: async () => (await import('./who.ts')).who,
  },
  check: {
    summary: 'what will not work as that user; changes nothing',
    load: async () => (await import('./check.ts')).check,
  },
  fix: {
    summary: 'the smallest change that makes it run as non-root, proved',
    load: async () => (await import('./fix.ts')).fix,
  },
  prove: {
    summary: 'run it before and after, with the same probes; evidence',
    load: async () => (await import('./prove.ts')).prove,
  },
  trace: {
    summary: 'run it once and list what it did that needs an identity',
    load: async () => (await import('./trace.ts')).trace,
  },
  run: {
    summary: 'run it here exactly as the chosen platform would',
    load: async () => (await import('./run.ts')).run,
  },
  explain: {
    summary: 'the rule that lets it do one thing, or stops it, step by step',
    load: async () => (await import('./explain.ts')).explain,
  },
  scan: {
    summary: 'what a cluster runs, as whom, and what is wrong with it',
    load: async () => (await import('./scan.ts')).scan,
  },
  lab: {
    summary: 'the workshop: exercises on a throw-away host, checked live',
    load: async () => (await import('./lab.ts')).lab,
  },
  config: {
    summary: 'what holds here, and where each value comes from',
    load: async () => (await import('./config.ts')).config,
  },
  completion: {
    summary: 'a completion script for bash, zsh or fish',
    load: async () => (await import('./completion.ts')).completion,
  },
  version: {
    summary: 'the version, and what it runs on',
    load: async () => (await import('./version.ts')).version,
  },
};
