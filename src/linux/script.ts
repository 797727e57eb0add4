/** The first line of a script, as the kernel reads it when it executes one (fs/binfmt_script.c). */

/** BINPRM_BUF_SIZE of include/uapi/linux/binfmts.h: what lies beyond is not seen. */
export const SCRIPT_HEAD = 256;

/** Interpreters that are scripts themselves: behind the fifth the kernel answers ELOOP (fs/exec.c, exec_binprm). */
export const MAX_INTERPRETERS = 5;

/** The program named after `#!`; undefined = no script. The name ends at a space, a tab, a NUL or the end of the line. */
export function interpreterOf(content: Uint8Array): string | undefined {
  if (content[0] !== 0x23 || content[1] !== 0x21) return undefined;
  const line = new TextDecoder().decode(content.subarray(2, SCRIPT_HEAD)).split('\n')[0] as string;
  return /^[ \t]*([^ \t\0]+)/.exec(line)?.[1];
}
