/** `registry-mirrors` of Docker's daemon.json (docs.docker.com/docker-hub/image-library/mirror): where images of Docker Hub are looked for first. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../../../error.ts';
import { isObject } from '../../json.ts';
import { environmentOf, homeOf, type RegistryOptions } from './options.ts';

/** Hosts, with port. The user's daemon (rootless) first, then the machine's. */
export function dockerMirrors(options: RegistryOptions): readonly { readonly host: string; readonly insecure: boolean }[] {
  const own = join(environmentOf(options).XDG_CONFIG_HOME || join(homeOf(options), '.config'), 'docker/daemon.json');
  for (const path of [own, '/etc/docker/daemon.json']) {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      continue; // not there, or not ours to read
    }
    let value: unknown;
    try {
      value = JSON.parse(text.trim() === '' ? '{}' : text);
    } catch (cause) {
      throw new UnrootError(`${path}: it is not JSON`, {
        code: 'registry.conf',
        where: { file: path },
        expected: "Docker's daemon.json",
        cause,
      });
    }
    const list = isObject(value) ? value['registry-mirrors'] : undefined;
    if (!Array.isArray(list)) continue;
    return list.flatMap((one) => {
      const found = typeof one === 'string' ? /^(https?):\/\/([^/\s]+)\/?$/.exec(one) : null;
      return found === null ? [] : [{ host: found[2] as string, insecure: found[1] === 'http' }];
    });
  }
  return [];
}
