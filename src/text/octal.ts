/** `0755`, `01777`: modes as chmod(1) and ls(1) users write them. */
export const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
