/** The smallest file that execve takes for a program of this machine: an ELF header and one empty program header. */
export function smallestProgram(): Uint8Array {
  const file = new Uint8Array(64 + 56);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, process.arch === 'arm64' ? 183 : 62, true); // EM_AARCH64, EM_X86_64
  view.setUint32(20, 1, true);
  view.setBigUint64(32, 64n, true); // the program headers follow
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  return file;
}
