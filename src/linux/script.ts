/** Scripts behind scripts, as the kernel counts them. */

/** Interpreters that are scripts themselves: behind the fifth the kernel answers ELOOP (fs/exec.c, exec_binprm). */
export const MAX_INTERPRETERS = 5;
