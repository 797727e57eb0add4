/**
 * What an `attempt` runs, with the identity and the namespaces of a process: one operation, and what the kernel said. It undoes what it did
 * where its own rights suffice (a file it made); what it would take away is a stand-in of the evaluator's. Arguments: operation, target, and whose it is to be.
 */

/** CommonJS, as text: `node -e`. */
export const PROBE: string = `'use strict';
const fs = require('node:fs');
const [operation, target, name] = process.argv.slice(1);
const say = (result) => { fs.writeSync(1, JSON.stringify({ result, uid: process.getuid(), gid: process.getgid() })); process.exit(0); };
const at = (folder, entry) => (folder.endsWith('/') ? folder : folder + '/') + entry;
try {
  if (operation === 'read') {
    const fd = fs.openSync(target, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    if (fs.fstatSync(fd).isFile()) fs.readSync(fd, Buffer.alloc(1), 0, 1, 0);
    fs.closeSync(fd);
  } else if (operation === 'append') {
    fs.closeSync(fs.openSync(target, fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_NONBLOCK));
  } else if (operation === 'create') {
    const file = at(target, name);
    fs.closeSync(fs.openSync(file, 'wx', 0o600));
    fs.unlinkSync(file);
  } else if (operation === 'mkdir') {
    fs.mkdirSync(at(target, name));
    fs.rmdirSync(at(target, name));
  } else if (operation === 'unlink') {
    if (fs.lstatSync(target).isDirectory()) fs.rmdirSync(target);
    else fs.unlinkSync(target);
  } else if (operation === 'chown') {
    const { uid, gid } = fs.lstatSync(target);
    fs.lchownSync(target, uid === 65533 ? 65532 : 65533, gid);
  } else if (operation === 'bind') {
    const server = require('node:net').createServer();
    server.on('error', (error) => say(error.code));
    server.listen({ port: Number(target), host: '0.0.0.0', exclusive: true }, () => server.close(() => say('ok')));
  }
  if (operation !== 'bind') say('ok');
} catch (error) {
  say(error.code || String(error));
}
`;
