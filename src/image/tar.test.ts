import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/image-builder.ts';
import { UnrootError } from '../error.ts';
import { decodeName, encodeName } from './name-text.ts';
import { createTarStream, scanTar, type TarEntry, type TarOptions } from './tar.ts';
import { concat, type TarWriteEntry, writeTar } from './tar-writer.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Reads with both readers, the stream in pieces of `step` bytes, and checks that they agree. */
function read(bytes: Uint8Array, step = 777, options: TarOptions = {}): { entries: TarEntry[]; contents: Map<string, string> } {
  const entries: TarEntry[] = [];
  const contents = new Map<string, string>();
  const stream = createTarStream((entry) => {
    entries.push(entry);
    contents.set(entry.name, '');
    return (piece) => {
      contents.set(entry.name, contents.get(entry.name) + new TextDecoder().decode(piece));
    };
  }, options);
  for (let at = 0; at < bytes.length; at += step) stream.push(bytes.subarray(at, at + step));
  stream.end();
  const scanned: TarEntry[] = [];
  const add = (entry: TarEntry): undefined => {
    scanned.push(entry);
  };
  scanTar((position, length) => bytes.subarray(position, position + length), bytes.length, add, { ...options, window: 512 });
  expect(scanned).toEqual(entries);
  return { entries, contents };
}
const write = (...entries: TarWriteEntry[]): Uint8Array => concat([...writeTar(entries)]);
const file = (name: string, more: Partial<TarWriteEntry> = {}): TarWriteEntry => ({
  name,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  ...more,
});
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof UnrootError) return error.code;
    throw error;
  }
  return 'no error';
};
/** Sets a header field and makes the checksum right again. */
function patch(tar: Uint8Array, at: number, bytes: readonly number[], header = 0): Uint8Array {
  const out = tar.slice();
  out.set(bytes, header + at);
  out.fill(0x20, header + 148, header + 156);
  const sum = out.subarray(header, header + 512).reduce((a, b) => a + b, 0);
  out.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), header + 148);
  return out;
}

describe('tar reader and writer', () => {
  it('reads back every kind of entry', () => {
    const xattrs = { 'user.a': Uint8Array.of(0, 10, 61, 255), 'user.b': new Uint8Array(20).fill(7) };
    const { entries, contents } = read(
      write(
        { name: 'd', type: 'directory', mode: 0o1777, uid: 1, gid: 2, mtime: 5 },
        file('d/f', { mode: 0o4755, content: new TextEncoder().encode('hello'), xattrs }),
        { name: 'd/s', type: 'symlink', mode: 0o777, uid: 3, gid: 4, link: '/x' },
        { name: 'd/h', type: 'hardlink', mode: 0o644, uid: 0, gid: 0, link: 'd/f' },
        { name: 'c', type: 'character-device', mode: 0o666, uid: 0, gid: 5, device: { major: 1, minor: 3 } },
        { name: 'b', type: 'block-device', mode: 0o660, uid: 0, gid: 6, device: { major: 8, minor: 1 } },
        { name: 'p', type: 'fifo', mode: 0o600, uid: 0, gid: 0 },
      ),
    );
    expect(entries.map((e) => [e.name, e.type, e.mode, e.uid, e.gid, e.size])).toEqual([
      ['d/', 'directory', 0o1777, 1, 2, 0],
      ['d/f', 'file', 0o4755, 0, 0, 5],
      ['d/s', 'symlink', 0o777, 3, 4, 0],
      ['d/h', 'hardlink', 0o644, 0, 0, 0],
      ['c', 'character-device', 0o666, 0, 5, 0],
      ['b', 'block-device', 0o660, 0, 6, 0],
      ['p', 'fifo', 0o600, 0, 0, 0],
    ]);
    expect({ ...entries[1]!.xattrs }).toEqual(xattrs);
    expect(entries[2]!.link).toBe('/x');
    expect(entries[3]!.link).toBe('d/f');
    expect(entries[4]!.device).toEqual({ major: 1, minor: 3 });
    expect(entries[0]!.mtime).toBe(5);
    expect(contents.get('d/f')).toBe('hello');
  });

  it('uses PAX only when it has to, and keeps what ustar cannot say', () => {
    expect(write(file('a')).length).toBe(512 + 1024);
    expect(write(file(`${'p'.repeat(150)}/${'n'.repeat(100)}`)).length).toBe(512 + 1024);
    const long = `${'x/'.repeat(200)}end`;
    const odd = { uid: 4_000_000_000, gid: 2_097_152, mtime: -5 };
    const { entries } = read(write(file(long, odd), { ...file('l'), type: 'symlink', link: 'y'.repeat(300) }, file('ünï')));
    expect(entries[0]).toMatchObject({ name: long, ...odd });
    expect(entries[1]!.link).toBe('y'.repeat(300));
    expect(entries[2]!.name).toBe('ünï');
  });

  it('gives the same bytes for the same entries', () => {
    const make = (): Uint8Array => write(file('f', { xattrs: { 'user.b': Uint8Array.of(1), 'user.a': Uint8Array.of(2) } }));
    expect(Buffer.compare(make(), make())).toBe(0);
  });

  it('keeps names that are not UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect([...encodeName(decodeName(bytes))]).toEqual([...bytes]);
      }),
    );
    const name = decodeName(Uint8Array.of(0x61, 0xff, 0x62));
    expect(read(write(file(name))).entries[0]!.name).toBe(name);
  });

  it('writes what it is told, for any entries (round trip)', () => {
    const name = fc.stringMatching(/^[a-zA-Zé_.]{1,60}(\/[a-z]{1,80}){0,4}$/);
    const entry = fc.record({
      name,
      uid: fc.nat(0xffffffff),
      gid: fc.nat(0xffffffff),
      mode: fc.nat(0o7777),
      mtime: fc.integer({ min: -(2 ** 33), max: 2 ** 40 }),
      content: fc.uint8Array({ maxLength: 1500 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), fc.integer({ min: 1, max: 3000 }), (items, step) => {
        const { entries } = read(write(...items.map((item) => ({ ...item, type: 'file' as const }))), step);
        expect(entries.map(({ name, uid, gid, mode, mtime, size }) => ({ name, uid, gid, mode, mtime, size }))).toEqual(
          items.map(({ content, ...rest }) => ({ ...rest, size: content.length })),
        );
      }),
      { numRuns: 60 },
    );
  });

  describe('reads what GNU tar writes', () => {
    const missing = spawnSync('tar', ['--version']).status === 0 ? '' : 'tar is missing: apt-get install -y tar';
    const dir = join(folder, 'tree');
    const long = `${'deep/'.repeat(30)}${'n'.repeat(120)}`;
    const make = (): void => {
      mkdirSync(join(dir, long, '..'), { recursive: true });
      writeFileSync(join(dir, long), 'long');
      writeFileSync(join(dir, 'short'), 'short');
      symlinkSync(`${'t'.repeat(150)}`, join(dir, 'link'));
    };
    it.skipIf(missing !== '').each(['gnu', 'pax', 'posix'])(`--format=%s ${missing}`, (format) => {
      rmSync(dir, { recursive: true, force: true });
      make();
      const tar = execFileSync('tar', [`--format=${format}`, '--owner=app:3000000', '--group=app:7', '-C', dir, '-c', '.']);
      const { entries, contents } = read(new Uint8Array(tar));
      expect(contents.get(`./${long}`)).toBe('long');
      expect(entries.find((e) => e.name === './link')?.link).toBe('t'.repeat(150));
      expect(new Set(entries.map((e) => `${e.uid}:${e.gid}`))).toEqual(new Set(['3000000:7']));
      const names = execFileSync('tar', ['-t'], { input: tar, encoding: 'utf8' }).trim().split('\n');
      expect(entries.map((e) => e.name)).toEqual(names);
    });
  });

  it('reads base-256 numbers, negative times, and refuses impossible ones', () => {
    const tar = write(file('f'));
    expect(read(patch(tar, 108, [0x80, 0, 0, 0, 0xee, 0x6b, 0x28, 0])).entries[0]!.uid).toBe(4_000_000_000);
    expect(read(patch(tar, 136, [0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0xfe])).entries[0]!.mtime).toBe(-2);
    expect(codeOf(() => read(patch(tar, 124, [0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255])))).toBe(
      'image.not-an-archive',
    );
    expect(codeOf(() => read(patch(tar, 108, [0x80, 255, 255, 255, 255, 255, 255, 255])))).toBe('image.not-an-archive');
    expect(codeOf(() => read(patch(tar, 100, [0x39, 0x39])))).toBe('image.not-an-archive');
  });

  it('accepts v7 headers, signed checksums and a missing end', () => {
    const tar = write(file('f', { content: Uint8Array.of(1, 2, 3) })).subarray(0, 1024);
    expect(read(patch(tar, 257, new Array(8).fill(0))).entries[0]!.name).toBe('f');
    expect(read(tar).entries).toHaveLength(1);
    const signed = tar.slice();
    signed[0] = 0xe9;
    signed.fill(0x20, 148, 156);
    const sum = signed.subarray(0, 512).reduce((a, b) => a + ((b << 24) >> 24), 0);
    signed.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    expect(read(signed).entries).toHaveLength(1);
    expect(read(new Uint8Array(0)).entries).toEqual([]);
  });

  it('refuses sparse files, unknown types, wrong checksums and oversized headers, each in its own words', () => {
    const tar = write(file('f'));
    expect(codeOf(() => read(patch(tar, 156, [0x53])))).toBe('image.unsupported-entry');
    expect(codeOf(() => read(patch(tar, 156, [0x5a])))).toBe('image.unsupported-entry');
    const wrong = tar.slice();
    wrong[0] = 0x67;
    expect(codeOf(() => read(wrong))).toBe('image.not-an-archive');
    const second = write(file('f'), file('g'));
    second[512] = 0x67 + 1;
    expect(codeOf(() => read(second))).toBe('image.bad-archive');
    const big = write(file('f', { xattrs: { 'user.big': new Uint8Array(2 ** 20) } }));
    expect(codeOf(() => read(big))).toBe('image.too-large');
    expect(read(big, 100_000, { limits: { maxHeaderBytes: 2 ** 21 } }).entries).toHaveLength(1);
    const sparse = write(file('x', { xattrs: { s: Uint8Array.of(49) } }));
    const pax = new TextDecoder('latin1').decode(sparse).replace('SCHILY.xattr.s', 'GNU.sparse.num');
    expect(codeOf(() => read(Uint8Array.from(pax, (c) => c.charCodeAt(0))))).toBe('image.unsupported-entry');
  });

  it('says when the archive is cut anywhere', () => {
    const tar = write(file('f', { content: new Uint8Array(1000), xattrs: { 'user.a': Uint8Array.of(1) } }));
    for (let cut = 513; cut < 3 * 512 + 1000; cut += 97) expect(codeOf(() => read(tar.subarray(0, cut)))).toBe('image.truncated');
    // Between the extended header and its entry, on a block boundary; and in the padding, when nothing is lost.
    expect(codeOf(() => read(tar.subarray(0, 1024)))).toBe('image.truncated');
    expect(read(tar.subarray(0, 3 * 512 + 1000)).entries).toHaveLength(1);
    expect(codeOf(() => read(tar.subarray(0, 100)))).toBe('image.not-an-archive');
  });

  it('never hangs and never throws anything but UnrootError, whatever it is fed', () => {
    const valid = write(
      file('a/b', { content: new Uint8Array(700), xattrs: { 'user.x': Uint8Array.of(1, 2) } }),
      { ...file('l'), type: 'symlink', link: 'q'.repeat(200) },
      file('y'.repeat(300)),
    );
    const attempt = (bytes: Uint8Array, step: number): void => {
      for (const run of [
        (): void => {
          const stream = createTarStream(() => undefined);
          for (let at = 0; at < bytes.length; at += step) stream.push(bytes.subarray(at, at + step));
          stream.end();
        },
        (): void =>
          scanTar(
            (position, length) => bytes.slice(position, position + length),
            bytes.length,
            () => undefined,
          ),
      ]) {
        try {
          run();
        } catch (error) {
          if (!(error instanceof UnrootError)) throw error;
        }
      }
    };
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 12 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 2000 }),
        (flips, repair, step) => {
          let bytes: Uint8Array = valid.slice();
          for (const [at, value] of flips) bytes[at] = value;
          if (repair)
            for (let header = 0; header < bytes.length - 1024; header += 512) bytes = patch(bytes, 0, [bytes[header]!], header);
          attempt(bytes, step);
        },
      ),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 1, max: 600 }), attempt), { numRuns: 200 });
  });
});
