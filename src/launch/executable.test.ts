import { describe, expect, it } from 'vitest';
import { launchOf, outcomeOf, refusalOf, type Scene, why } from '../../test/support/launch.ts';

const program = { content: '', mode: 0o755 };
const tree = {
  '/usr/bin/tool': program,
  '/bin': { target: 'usr/bin' },
  '/opt/own': { content: '', mode: 0o700 },
  '/sec/tool': program,
  '/sec': { mode: 0o700 },
  '/plain': '#!/bin/sh\n',
  '/dir': {},
  '/loop': { target: 'loop' },
  '/link': { target: '/opt/own' },
};
const run = (argv0: string, scene: Scene = {}): Scene => ({
  files: tree,
  user: '1000',
  ...scene,
  config: { cmd: [argv0], ...scene.config },
});
const DROP = { capDrop: ['ALL'] };

describe('PATH search', () => {
  it('follows symlinks to the file', () => {
    const launch = launchOf(run('tool'));
    expect(launch.executable).toBe('/usr/bin/tool');
    expect(launchOf(run('/bin/tool')).executable).toBe('/usr/bin/tool');
    expect(why(launch, 'executable')).toContain('found in PATH as /usr/bin/tool');
  });
  it('uses the environment that the process gets', () => {
    expect(launchOf(run('own', { user: '0', settings: { env: { PATH: '/none:/opt' } } })).executable).toBe('/opt/own');
    expect(refusalOf(run('own')).message).toContain('exec: "own": executable file not found in $PATH');
  });
  it('a relative name with a slash counts from the working directory', () => {
    expect(launchOf(run('bin/tool', { config: { cmd: ['bin/tool'], workingDir: '/usr' } })).executable).toBe('/usr/bin/tool');
  });
  it('stays open when the files are not known', () => {
    const launch = launchOf({ config: { cmd: ['tool'] } });
    expect(launch.executable).toBeUndefined();
  });
  it('stays open on a bind of the host', () => {
    const settings = { volumes: [{ kind: 'bind' as const, target: '/usr', source: '/x' }] };
    expect(launchOf(run('/usr/bin/tool', { settings })).executable).toBeUndefined();
  });
  it('does not see what a volume hides', () => {
    const settings = { volumes: [{ kind: 'empty-dir' as const, target: '/usr/bin' }] };
    expect(refusalOf(run('/usr/bin/tool', { settings })).message).toContain('stat /usr/bin/tool: no such file or directory');
  });
});

/** reference semantics 9.4: the first execve still has the runtime's effective set. */
describe('permission', () => {
  const old: Scene = { platform: 'docker', version: '20.10.24' };
  it.each<[what: string, argv0: string, scene: Scene, words: string | undefined]>([
    ['0700 root, default capabilities', '/opt/own', {}, undefined],
    ['0700 root, drop ALL', '/opt/own', { settings: DROP }, 'exec: "/opt/own": permission denied'],
    [
      '0700 root, drop ALL, runc 1.1',
      '/opt/own',
      { platform: 'containerd-1', settings: DROP },
      'exec /opt/own: permission denied',
    ],
    ['0700 root, older Docker keeps nothing effective', '/opt/own', old, 'exec /opt/own: permission denied'],
    ['through a symlink', '/link', { settings: DROP }, 'exec: "/link": permission denied'],
    ['in a 0700 directory, default capabilities', '/sec/tool', {}, undefined],
    ['in a 0700 directory, drop ALL', '/sec/tool', { settings: DROP }, 'exec: "/sec/tool": stat /sec/tool: permission denied'],
    ['no x bit, even for root', '/plain', { user: '0' }, 'exec: "/plain": permission denied'],
    ['no x bit, runc 1.1', '/plain', { ...old, user: '0' }, 'exec: "/plain": permission denied'],
    ['a directory', '/dir', { user: '0' }, 'exec: "/dir": is a directory'],
    ['a directory, runc 1.1', '/dir', { ...old, user: '0' }, 'exec: "/dir": permission denied'],
    ['missing', '/none', {}, 'exec: "/none": stat /none: no such file or directory'],
    ['below a file', '/plain/x', {}, 'exec: "/plain/x": stat /plain/x: not a directory'],
    ['a loop', '/loop', {}, 'exec: "/loop": stat /loop: too many levels of symbolic links'],
    ['crun: missing', '/none', { platform: 'crio' }, 'executable file `/none` not found in $PATH: No such file or directory'],
    [
      'crun: not for this user',
      '/opt/own',
      { platform: 'crio', settings: DROP },
      'exec container process `/opt/own`: Permission denied',
    ],
    ['crun: no x bit', '/plain', { platform: 'crio' }, 'open executable: Permission denied'],
  ])('%s', (_, argv0, scene, words) => {
    const outcome = outcomeOf(run(argv0, scene));
    if (words === undefined) expect(outcome.kind).toBe('launch');
    else expect(outcome).toMatchObject({ kind: 'refusal', by: 'runtime', message: expect.stringContaining(words) });
  });

  it('the rule and the file are named', () => {
    const refusal = refusalOf(run('/opt/own', { settings: DROP }));
    expect(why(refusal, 'executable')).toContain('/opt/own (0700 0:0) may not be executed: uid 1000 is in group 0, ---');
  });
});

describe('the whole sentence', () => {
  it('of Docker and of Kubernetes with containerd', () => {
    const docker = refusalOf(run('none'));
    expect(docker.reason).toBe('start');
    expect(docker.message).toBe(
      'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "none": executable file not found in $PATH: unknown',
    );
    // Observed with Docker 20.10.24 and runc 1.1.5.
    expect(refusalOf(run('none', { version: '20.10.24' })).message).toBe(
      'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "none": executable file not found in $PATH: unknown',
    );
    expect(refusalOf(run('none', { platform: 'containerd-2' })).reason).toBe('RunContainerError');
    expect(refusalOf(run('none', { platform: 'crio' })).reason).toBe('CreateContainerError');
  });
  it('of podman, with both runtimes', () => {
    expect(refusalOf(run('none', { platform: 'podman' })).message).toBe(
      'crun: executable file `none` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found',
    );
  });
});
