/** What execve makes of a file's beginning; every row was executed with Linux 6.1 and runc 1.1.5. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { programOf } from './program.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('scripts', () => {
  it.each<[head: string, interpreter: string | undefined]>([
    ['#!/bin/sh\necho', '/bin/sh'],
    ['#! \t/bin/sh -e\n', '/bin/sh'],
    ['#!/bin/sh', '/bin/sh'],
    ['#!/bin/sh\r\n', '/bin/sh\r'],
    ['#!sh\n', 'sh'],
    // The zeros behind the end of the file end the name: the working directory, EACCES.
    ['#!', ''],
    ['#!\n', undefined],
    ['#!   \n', undefined],
    [`#!/${'a'.repeat(252)}\n`, `/${'a'.repeat(252)}`],
    [`#!/${'a'.repeat(300)}\n`, undefined],
    [`#!/bin/sh ${'a'.repeat(300)}\n`, '/bin/sh'],
    [`#!${' '.repeat(300)}/bin/sh\n`, undefined],
    ['echo hello\n', undefined],
    ['', undefined],
  ])('%j', (head, interpreter) => {
    const program = programOf(bytes(head), 'amd64');
    if (interpreter === undefined) expect(program.kind).toBe('invalid');
    else expect(program).toEqual({ kind: 'script', interpreter });
  });
});

const PROGRAM_HEADERS = 64;

/** 64-bit, little-endian, with one program header. */
function elf({ machine = 62, type = 2, loader = '', size = 56, count = 1 } = {}): Uint8Array {
  const file = new Uint8Array(PROGRAM_HEADERS + 56 + loader.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, type, true);
  view.setUint16(18, machine, true);
  view.setBigUint64(32, BigInt(PROGRAM_HEADERS), true);
  view.setUint16(54, size, true);
  view.setUint16(56, count, true);
  view.setUint32(PROGRAM_HEADERS, loader === '' ? 1 : 3, true);
  view.setBigUint64(PROGRAM_HEADERS + 8, 120n, true);
  view.setBigUint64(PROGRAM_HEADERS + 32, BigInt(loader.length), true);
  file.set(bytes(loader), 120);
  return file;
}

describe('ELF', () => {
  it('names its loader', () => {
    expect(programOf(elf(), 'amd64')).toEqual({ kind: 'elf' });
    expect(programOf(elf({ loader: '/lib/ld.so\0', type: 3 }), 'amd64')).toEqual({ kind: 'elf', loader: '/lib/ld.so' });
  });
  it('of this very machine, as Node.js was built', () => {
    const head = readFileSync(process.execPath).subarray(0, 8192);
    const architecture = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le', s390x: 's390x' }[process.arch as string];
    expect(architecture, `Node's name of the machine: ${process.arch}`).toBeDefined();
    expect(programOf(head, architecture)).toMatchObject({ kind: 'elf', loader: expect.stringContaining('/ld') });
    expect(programOf(head, architecture === 's390x' ? 'arm64' : 's390x')).toMatchObject({ kind: 'foreign' });
  });
  it('of another machine is nobody’s but an emulator’s', () => {
    expect(programOf(elf({ machine: 183 }), 'amd64')).toEqual({
      kind: 'foreign',
      why: 'it is a program for AArch64, and the image is for amd64',
    });
    expect(programOf(elf({ machine: 183 }), 'arm64')).toEqual({ kind: 'elf' });
  });
  it.each<[what: string, file: Uint8Array]>([
    ['an object file', elf({ type: 1 })],
    ['no program headers', elf({ count: 0 })],
    ['program headers of another size', elf({ size: 32 })],
    ['cut off in the headers', elf().subarray(0, 100)],
    ['cut off in the header', elf().subarray(0, 20)],
    ['magic number alone', elf().subarray(0, 4)],
    ['loader without an end', elf({ loader: '/lib/ld.so' })],
    ['loader cut off', elf({ loader: '/lib/ld.so\0' }).subarray(0, 125)],
  ])('%s is broken', (_, file) => {
    expect(programOf(file, 'amd64').kind).toBe('invalid');
  });
  it('of an architecture nobody named is not looked into', () => {
    expect(programOf(elf().subarray(0, 4))).toEqual({ kind: 'elf' });
  });
});
