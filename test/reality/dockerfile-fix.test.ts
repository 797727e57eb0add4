/** Dockerfiles fixed, built before and after by buildah: the image runs as the user that was promised, on the files that were foreseen. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerImages } from '../../src/cli/container-images.ts';
import { readBuild } from '../../src/cli/dockerfiles.ts';
import { fixDockerfile } from '../../src/cli/fix-dockerfiles.ts';
import { openImage } from '../../src/image/sources/index.ts';
import { profile } from '../../src/platform/profiles.ts';
import { launchOf, readSubject } from '../../src/prove/subject.ts';
import { checkImage } from '../../src/unroot.ts';
import { type Buildah, openBuildah, whyNoBuildah } from '../support/buildah.ts';
import { debianImage, whyNoDebianImages } from '../support/debian-image.ts';
import { BASE_IMAGE } from './dockerfiles.ts';

const why = whyNoBuildah() ?? whyNoDebianImages();
if (why !== undefined) console.warn(`SKIPPED: fixed Dockerfiles against buildah: ${why}`);

const BASE = 'localhost/base:1';
const script = '#!/bin/sh\nmkdir -p /var/lib/app/data\necho started > /var/log/app.log\nexec "$@"\n';

interface Case {
  readonly name: string;
  readonly text: string;
  /** Whether it builds as it is. */
  readonly builds: boolean;
  readonly user: string;
  /** Where USER leaves it to /etc/passwd. */
  readonly gid?: number;
  /** Lines that have to be in the result, and such that must not. */
  readonly has: readonly RegExp[];
  readonly hasNot?: readonly RegExp[];
}

const cases: readonly Case[] = [
  {
    name: 'no USER, lower case, comments',
    text: `from ${BASE}\n# the program\ncopy app /app\n# how it starts\nentrypoint ["sleep"]\ncmd ["1000"]\n`,
    builds: true,
    user: '10001:10001',
    has: [/^copy app \/app\nuser 10001:10001\n# how it starts\nentrypoint/m],
  },
  {
    name: 'USER by name, accounts behind it',
    text: `FROM ${BASE}\nRUN useradd -r -u 500 -g 0 svc\nUSER svc\nRUN groupadd -g 700 extra\nCOPY . /srv/app\nRUN mkdir -p /etc/svc\nCMD ["sleep", "1000"]\n`,
    builds: false,
    user: '500',
    gid: 0,
    has: [/^RUN groupadd -g 700 extra\nUSER svc\nCOPY/m, /^USER 0\nRUN mkdir -p \/etc\/svc\nUSER 500$/m],
  },
  {
    name: 'chown behind COPY, CRLF, no end of line',
    text: `FROM ${BASE}\r\nCOPY app /srv/app\r\nCOPY notes.txt /srv/app/\r\nRUN echo hi \\\r\n    && chown -R www-data:www-data /srv/app\r\nUSER root\r\nCMD ["sleep","1000"]`,
    builds: true,
    user: '10001:10001',
    has: [
      /^COPY --chown=www-data:www-data app \/srv\/app\r$/m,
      /^COPY --chown=www-data:www-data notes\.txt/m,
      /^USER 10001:10001\r$/m,
    ],
    hasNot: [/chown -R/, /[^\r]\n/],
  },
  {
    name: 'a script that writes, without the right to be executed',
    text: `FROM ${BASE}\nCOPY plain.sh /usr/local/bin/start.sh\nRUN echo ready \\\n && true\nEXPOSE 8080\nENTRYPOINT ["/usr/local/bin/start.sh"]\nCMD ["sleep", "1000"]\n`,
    builds: true,
    user: '10001:10001',
    has: [/^COPY --chmod=0755 plain\.sh/m, /\n && mkdir -p \/var\/lib\/app/, /chown 10001:10001/, /\nUSER 10001:10001\n/],
  },
  {
    name: 'USER that nobody makes',
    text: `FROM ${BASE}\nCOPY --chmod=755 plain.sh /start\nUSER ghost\nCMD ["sleep", "1000"]\n`,
    builds: true,
    user: '10001:10001',
    has: [/^USER 10001:10001$/m],
    hasNot: [/ghost/],
  },
  {
    name: 'the USER of the base, lines that only root can carry out',
    text: `FROM ${BASE} AS named\nUSER www-data\nFROM named\nRUN mkdir /srv/x\n# late\nRUN touch /srv/x/y\nRUN chown 5:5 /srv/x\nRUN echo hi > /tmp/own\nRUN echo hi >> /etc/profile\nCMD ["sleep", "1000"]\n`,
    builds: false,
    user: '33',
    gid: 33,
    has: [
      /FROM named\nUSER 0\nRUN mkdir \/srv\/x\n# late\nRUN touch \/srv\/x\/y\nRUN chown 5:5 \/srv\/x\nUSER www-data\nRUN echo hi > \/tmp\/own\nUSER 0\nRUN echo hi >> \/etc\/profile\nUSER 33\nCMD/,
    ],
  },
  {
    name: 'a USER for which nothing is left, and a shell form that may not be executed',
    text: `FROM ${BASE}\nCOPY plain.sh /start\nUSER www-data\nRUN mkdir /srv/x\nRUN mkdir /srv/y\nUSER root\nENTRYPOINT /start sleep 1000\n`,
    builds: false,
    user: '10001:10001',
    has: [
      /^COPY --chmod=0755 plain\.sh \/start\nRUN mkdir \/srv\/x\nRUN mkdir \/srv\/y/m,
      /USER 10001:10001\nENTRYPOINT \/start sleep 1000\n$/,
    ],
    hasNot: [/www-data/],
  },
  {
    name: 'folders of data with files of root, folders and links in them',
    text: `FROM ${BASE}\nENV APP_DATA_DIR=/srv/state\nRUN mkdir -p /srv/state/a "/srv/data/b c"\nRUN echo 1 > /srv/state/a/x && ln -s /nowhere /srv/state/y && echo 2 > "/srv/data/b c/z"\nVOLUME /srv/data\nCMD ["sleep", "1000"]\n`,
    builds: true,
    user: '10001:10001',
    has: [/ && chown -R 10001:10001 \/srv\/data \/srv\/state\nUSER 10001:10001\nVOLUME/],
  },
  {
    name: 'two stages, USER of the first does not count',
    text: `FROM ${BASE} AS build\nUSER 33\nWORKDIR /tmp/build\nRUN touch out && chmod 755 out\nFROM ${BASE}\nCOPY --from=build /tmp/build/out /usr/local/bin/out\nCMD sleep 1000\n`,
    builds: true,
    user: '10001:10001',
    has: [/out\nUSER 10001:10001\nCMD sleep 1000\n$/],
  },
];

describe.skipIf(why !== undefined)('fixed Dockerfiles', () => {
  let buildah: Buildah;
  let folder: string;
  let reference: string;
  const rules = profile('containerd-2');

  beforeAll(async () => {
    ({ reference } = await debianImage(BASE_IMAGE));
    buildah = openBuildah();
    buildah.pull(reference, BASE);
    folder = mkdtempSync(join(tmpdir(), 'unroot-fix-'));
    mkdirSync(join(folder, 'app'));
    writeFileSync(join(folder, 'app/index.html'), '<h1>hello</h1>\n');
    writeFileSync(join(folder, 'app/data.bin'), 'x'.repeat(100_000));
    writeFileSync(join(folder, 'notes.txt'), 'notes\n');
    writeFileSync(join(folder, 'plain.sh'), script, { mode: 0o644 });
  });
  afterAll(() => {
    buildah?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const { signal } = new AbortController();
  const imagesFor = (): ReturnType<typeof containerImages> =>
    containerImages({ image: [`${BASE}=${reference}`] }, { signal, registry: { offline: true } });

  it.each(cases.map((one) => [one.name, one] as const))('%s', async (name, { text, builds, user, gid, has, hasNot = [] }) => {
    const path = join(folder, `Dockerfile.${cases.findIndex((one) => one.name === name)}`);
    writeFileSync(path, text);
    const images = imagesFor();
    const options = { settings: {}, engine: 'auto', profile: rules, signal } as const;
    try {
      const fixed = await fixDockerfile(path, {}, images, options);
      const after = fixed.texts[0]!.after;
      for (const pattern of has) expect(after).toMatch(pattern);
      for (const pattern of hasNot) expect(after).not.toMatch(pattern);
      expect(fixed.report.containers[0]).toMatchObject({ outcome: 'changed', user });
      const dangling = /\/srv\/state\/y is a link to \/nowhere, which the image lacks/;
      expect(fixed.report.unknown.some((one) => dangling.test(one))).toBe(text.includes('/nowhere'));

      if (builds) buildah.build(text, folder);
      else expect(() => buildah.build(text, folder)).toThrow();

      const built = buildah.build(after, folder);
      const real = buildah.read(built);
      expect(real.config.User).toBe(user);
      const predicted = (await readBuild(path, {}, images, after)).wanted!.state.tree;
      for (const [place, entry] of real.entries) {
        const model = predicted.get(place);
        if (!/^\/(?:srv|app|usr\/local|var\/lib\/app|var\/log\/app|start|etc\/svc)/.test(place)) continue;
        expect({
          place,
          owner: `${model?.uid}:${model?.gid}`,
          mode: model?.type === 'symlink' ? entry.mode : model?.mode,
        }).toEqual({
          place,
          owner: `${entry.uid}:${entry.gid}`,
          mode: entry.mode,
        });
      }
      // The image that was really built, by the rules of the platform.
      const layout = join(folder, `layout-${path.slice(-1)}`);
      buildah.save(built, layout);
      const image = await openImage(`oci:${layout}:latest`);
      try {
        // Docker heeds the group of USER; the kubelet takes the uid alone.
        const launch = launchOf(await readSubject(image), {}, profile('docker'));
        expect(launch).toMatchObject({ kind: 'launch', uid: Number(user.split(':')[0]), gid: gid ?? Number(user.split(':')[1]) });
        const checked = await checkImage(image, { ...options, asWritten: true });
        expect(checked.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        expect(checked.findings.map(({ id }) => id)).not.toContain('runs-as-root');
      } finally {
        await image.close();
      }
      // Nothing is left to change.
      writeFileSync(path, after);
      expect((await fixDockerfile(path, {}, images, options)).texts).toEqual([]);
    } finally {
      await images.close();
    }
  });

  it('stores every file once where it was stored twice', async () => {
    const text = `FROM ${BASE}\nCOPY app /srv/app\nRUN chown -R 33:33 /srv/app\nUSER 33:33\nCMD ["sleep", "1"]\n`;
    const path = join(folder, 'Dockerfile.size');
    writeFileSync(path, text);
    const images = imagesFor();
    const fixed = await fixDockerfile(path, {}, images, { settings: {}, engine: 'auto', profile: rules, signal });
    await images.close();
    const after = fixed.texts[0]!.after;
    expect(after).toBe(`FROM ${BASE}\nCOPY --chown=33:33 app /srv/app\nUSER 33:33\nCMD ["sleep", "1"]\n`);
    expect(fixed.report.fixes[0]?.note).toContain('100015 bytes');
    const size = async (content: string, name: string): Promise<number> => {
      const image = buildah.build(content, folder, ['--layers=true']);
      buildah.save(image, join(folder, name));
      const opened = await openImage(`oci:${join(folder, name)}:latest`);
      let bytes = 0;
      for (let index = 0; index < opened.layers.length; index += 1)
        for await (const chunk of opened.openLayer(index)) bytes += chunk.length;
      await opened.close();
      return bytes;
    };
    expect((await size(text, 'size-before')) - (await size(after, 'size-after'))).toBeGreaterThanOrEqual(100_015);
  });

  it('fixes by what a run of the built image shows', async () => {
    const text = `FROM ${BASE}\nRUN mkdir -p /srv/state\nWORKDIR /srv/state\nCMD ["sh", "-c", "date > now; touch /srv/state/x; exec sleep 1000"]\n`;
    const path = join(folder, 'Dockerfile.run');
    writeFileSync(path, text);
    const layout = join(folder, 'run-before');
    buildah.save(buildah.build(text, folder), layout);
    const built = await openImage(`oci:${layout}:latest`);
    const images = imagesFor();
    try {
      const fixed = await fixDockerfile(path, {}, images, {
        settings: {},
        engine: 'auto',
        profile: rules,
        signal,
        built,
        prove: true,
      });
      const after = fixed.texts[0]!.after;
      expect(after).toMatch(/chown 10001:10001 \/srv\/state/);
      expect(after).toMatch(/\nUSER 10001:10001\nCMD/);
      // Nothing listens there, so that no probe can tell; it did not fail.
      expect(fixed.report.containers[0]?.verdict).not.toBe('failed');
      expect(fixed.report.containers[0]?.verdict).toBeDefined();
      const real = buildah.read(buildah.build(after, folder));
      expect(real.entries.get('/srv/state')).toMatchObject({ uid: 10001, gid: 10001 });
    } finally {
      await images.close();
      await built.close();
    }
  });
});
