/** What execve makes of a file by its first bytes: a script, a program of this machine, or neither (fs/binfmt_script.c, fs/binfmt_elf.c). */

/** How much of a file is read: program headers and the loader's name lie at the front of all but patched programs. */
export const PROGRAM_HEAD = 8192;

/** BINPRM_BUF_SIZE of include/uapi/linux/binfmts.h: what lies beyond is not seen of a script. */
const SCRIPT_HEAD = 256;

export type Program =
  /** An empty name is the working directory itself, which cannot be executed. */
  | { readonly kind: 'script'; readonly interpreter: string }
  /** `loader`: the dynamic one, as written; absent = none, or too far behind to be seen. */
  | { readonly kind: 'elf'; readonly loader?: string }
  /** Runs where binfmt_misc hands it to an emulator, and nowhere else. */
  | { readonly kind: 'foreign'; readonly why: string }
  | { readonly kind: 'invalid'; readonly why: string }
  /** Nobody has seen it. */
  | { readonly kind: 'unread' };

interface Machine {
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly bigEndian?: true;
  /** e_machine of programs that its kernels run besides, as 32-bit ones. */
  readonly also?: number;
}

/** GOARCH as images name it → e_machine (include/uapi/linux/elf-em.h). */
const MACHINES: Readonly<Record<string, Machine>> = {
  amd64: { machine: 62, bits: 64, also: 3 },
  '386': { machine: 3, bits: 32 },
  arm64: { machine: 183, bits: 64 },
  arm: { machine: 40, bits: 32 },
  ppc64le: { machine: 21, bits: 64 },
  s390x: { machine: 22, bits: 64, bigEndian: true },
  riscv64: { machine: 243, bits: 64 },
  loong64: { machine: 258, bits: 64 },
};

const NAMES: Readonly<Record<number, string>> = {
  3: 'i386',
  8: 'MIPS',
  21: 'PowerPC 64',
  22: 'S/390',
  40: 'ARM',
  62: 'x86-64',
  183: 'AArch64',
  243: 'RISC-V',
  258: 'LoongArch',
};

/** `head`: the first {@link PROGRAM_HEAD} bytes, or all there are. Without an architecture nothing but the beginning is looked at. */
export function programOf(head: Uint8Array, architecture?: string): Program {
  if (head.length === 0) return { kind: 'invalid', why: 'it is empty' };
  if (head[0] === 0x23 && head[1] === 0x21) return scriptOf(head);
  if (head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46) return elfOf(head, architecture);
  return { kind: 'invalid', why: 'it begins with neither "#!" nor the magic number of ELF' };
}

const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;

/** load_script: the name ends at a space, a tab, a NUL or the line's end; one that the buffer cuts off is none. */
function scriptOf(content: Uint8Array): Program {
  const head = new Uint8Array(SCRIPT_HEAD);
  head.set(content.subarray(0, SCRIPT_HEAD));
  const newline = head.indexOf(0x0a);
  let end = newline === -1 ? SCRIPT_HEAD - 1 : newline;
  if (newline !== -1) while (isBlank(head[end - 1])) end -= 1;
  let start = 2;
  while (start < end && isBlank(head[start])) start += 1;
  const nothing: Program = { kind: 'invalid', why: 'its "#!" names no interpreter' };
  if (start >= end) return nothing;
  let stop = start;
  while (stop < end && !isBlank(head[stop]) && head[stop] !== 0) stop += 1;
  if (newline === -1 && stop === end && !isBlank(head[end]) && head[end] !== 0)
    return { kind: 'invalid', why: `its "#!" line is longer than the ${SCRIPT_HEAD} bytes that the kernel reads` };
  return { kind: 'script', interpreter: new TextDecoder().decode(head.subarray(start, stop)) };
}

function elfOf(head: Uint8Array, architecture: string | undefined): Program {
  const expected = architecture === undefined ? undefined : MACHINES[architecture];
  if (expected === undefined) return { kind: 'elf' };
  const invalid = (why: string): Program => ({ kind: 'invalid', why: `it is a broken ELF file: ${why}` });
  const little = expected.bigEndian !== true;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 52) return invalid('its header is cut off');
  const machine = view.getUint16(18, little);
  if (machine !== expected.machine && machine !== expected.also) {
    const name = NAMES[machine] ?? NAMES[view.getUint16(18, !little)] ?? `machine number ${machine}`;
    return { kind: 'foreign', why: `it is a program for ${name}, and the image is for ${architecture}` };
  }
  const type = view.getUint16(16, little);
  if (type !== 2 && type !== 3) return invalid(`its type is ${type}, not that of a program (2 or 3)`);
  // The kernel goes by the machine, not by the class that the file says it has.
  const wide = machine === expected.machine && expected.bits === 64;
  const [headerSize, entrySize] = wide ? [64, 56] : [52, 32];
  const whole = head.length < PROGRAM_HEAD;
  if (head.length < headerSize) return invalid('its header is cut off');
  const address = (at: number): number => (wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const table = address(wide ? 32 : 28);
  const [size, count] = [view.getUint16(wide ? 54 : 42, little), view.getUint16(wide ? 56 : 44, little)];
  if (size !== entrySize) return invalid(`its program headers have ${size} bytes, not ${entrySize}`);
  if (count === 0 || count * size > 65_536) return invalid(`it has ${count} program headers`);
  if (table + count * size > head.length) return whole ? invalid('its program headers are cut off') : { kind: 'elf' };
  for (let at = table; at < table + count * size; at += size) {
    if (view.getUint32(at, little) !== PT_INTERP) continue;
    const offset = address(at + (wide ? 8 : 4));
    const length = address(at + (wide ? 32 : 16));
    if (length < 2 || length > PATH_MAX) return invalid(`the name of its loader has ${length} bytes`);
    if (offset + length > head.length) return whole ? invalid("its loader's name is cut off") : { kind: 'elf' };
    const name = head.subarray(offset, offset + length);
    if (name[length - 1] !== 0) return invalid("its loader's name does not end");
    return { kind: 'elf', loader: new TextDecoder().decode(name.subarray(0, name.indexOf(0))) };
  }
  return { kind: 'elf' };
}

const PT_INTERP = 3;
const PATH_MAX = 4096;
