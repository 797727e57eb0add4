import { describe, expect, it } from 'vitest';
import { launchOf, refusalOf, type Scene, why } from '../../test/support/launch.ts';
import { profile } from '../platform/profiles.ts';

const files = { '/bin/app': { content: '', mode: 0o755 }, '/srv': {} };

/** reference semantics 4.3, 5 and 7.1; the podman rows were also observed with 4.3.1. */
describe('HOME', () => {
  it.each<[Scene, docker: string, podman: string, crio: string]>([
    [{ user: '' }, '/root', '/root', '/root'],
    [{ user: 'app' }, '/home/app', '/home/app', '/home/app'],
    [{ user: '1234' }, '/home/app', '/home/app', '/home/app'],
    // Podman knows the user that was named; a runtime that sees only uid 0 takes the first line with it.
    [{ user: 'toor' }, '/root', '/toor', '/root'],
    [{ user: '1000' }, '/', '/', '/'],
    [{ user: '1000', config: { workingDir: '/srv' } }, '/', '/srv', '/srv'],
    [{ user: '1000', settings: { workdir: '/srv' } }, '/', '/srv', '/srv'],
    [{ user: 'app', config: { env: ['HOME=/x'] } }, '/x', '/x', '/x'],
    [{ user: 'app', config: { env: ['HOME=/x'] }, settings: { env: { HOME: '/y' } } }, '/y', '/y', '/y'],
    // runc fills an empty HOME, crun keeps it.
    [{ user: 'app', settings: { env: { HOME: '' } } }, '/home/app', '', ''],
    [{ user: '1000', passwd: null }, '/', '/', '/'],
  ])('%j', (scene, docker, podman, crio) => {
    expect(launchOf({ ...scene, files, platform: 'docker' }).home).toBe(docker);
    expect(launchOf({ ...scene, files, platform: 'containerd-2' }).home).toBe(docker);
    expect(launchOf({ ...scene, files, platform: 'podman' }).home).toBe(podman);
    expect(launchOf({ ...scene, files, platform: 'crio' }).home).toBe(crio);
  });

  it('is filled by runc under podman when it is empty', () => {
    const podman = profile('podman', '4.3.1', { runtime: 'runc', source: '--runtime runc' });
    expect(launchOf({ user: 'app', settings: { env: { HOME: '' } }, profile: podman }).home).toBe('/home/app');
  });
  it('stays "/" on CRI-O when /etc/passwd is writable by its group: the old OpenShift trick turns the injection off', () => {
    const config = { workingDir: '/srv' };
    const trick = { ...files, '/etc/passwd': { content: 'root:x:0:0::/root:/bin/sh\n', mode: 0o664 } };
    const launch = launchOf({ user: '1000', config, files: trick, platform: 'crio' });
    expect(launch.home).toBe('/');
    expect(why(launch, 'home')).toContain('/etc/passwd is writable by group or others');
    expect(launchOf({ user: '1000', config, files, platform: 'openshift-restricted-v2' }).home).toBe('/srv');
  });
});

describe('environment', () => {
  it("PATH has a default, HOME is always there, HOSTNAME is the engine's", () => {
    expect(launchOf({}).env).toEqual(['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root']);
    expect(launchOf({ platform: 'podman' }).env).toContain('container=podman');
  });
  it("settings replace the image's in place and are added at the end", () => {
    const launch = launchOf({ config: { env: ['PATH=/p', 'A=1', 'B=2', 'EMPTY='] }, settings: { env: { A: '9', C: '3=x' } } });
    expect(launch.env).toEqual(['PATH=/p', 'A=9', 'B=2', 'EMPTY=', 'C=3=x', 'HOME=/root']);
  });
});

describe('command', () => {
  const config = { entrypoint: ['/entry'], cmd: ['a', 'b'] };
  it.each([
    [{}, ['/entry', 'a', 'b']],
    [{ command: ['c'] }, ['/entry', 'c']],
    [{ command: [] }, ['/entry']],
    [{ entrypoint: ['/new'] }, ['/new']],
    [{ entrypoint: ['/new'], command: ['c'] }, ['/new', 'c']],
    [{ entrypoint: [''], command: ['/c'] }, ['/c']],
  ])('%j', (settings, argv) => expect(launchOf({ config, settings }).argv).toEqual(argv));
  it('without any is refused', () => {
    expect(refusalOf({ config: { cmd: [] } })).toMatchObject({ reason: 'create', message: 'no command specified' });
    expect(refusalOf({ config: { cmd: [] }, platform: 'podman' }).message).toBe(
      'no command or entrypoint provided, and no CMD or ENTRYPOINT from image',
    );
  });
});

describe('working directory', () => {
  it('comes from the settings, the image, or is "/"', () => {
    expect(launchOf({}).cwd).toBe('/');
    expect(launchOf({ config: { workingDir: '/srv/./x/..' } }).cwd).toBe('/srv');
    expect(launchOf({ config: { workingDir: '/a' }, settings: { workdir: '/srv' } }).cwd).toBe('/srv');
  });
  it('must be absolute for Docker', () => {
    expect(refusalOf({ settings: { workdir: 'rel' } }).message).toBe(
      "the working directory 'rel' is invalid, it needs to be an absolute path",
    );
    expect(refusalOf({ config: { workingDir: 'rel' } }).message).toContain('Cwd must be an absolute path');
  });
  it('is made when the image lacks it; podman refuses one that only the settings name', () => {
    expect(why(launchOf({ settings: { workdir: '/new' }, files }), 'cwd')).toContain('made as root 0755');
    expect(refusalOf({ settings: { workdir: '/new' }, files, platform: 'podman' }).message).toBe(
      'workdir "/new" does not exist on container …',
    );
    expect(launchOf({ config: { workingDir: '/new' }, files, platform: 'podman' }).cwd).toBe('/new');
  });
});
