// A small HTTP server with the habits of a container that was only ever run as root: port 80, a log file in /, a pid file in /run,
// and a note left in /host when something is mounted there.
import { appendFileSync, existsSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { logPath: { type: 'string', default: '/server.log' }, addr: { type: 'string', default: '0.0.0.0:80' } },
});
const [host, port] = values.addr.split(':');

/** Ends the way the program would, with one line that says why. */
function fail(message, code) {
  console.error(message);
  process.exit(code);
}

let log;
try {
  log = values.logPath === '' ? 2 : openSync(values.logPath, 'a', 0o644);
} catch (error) {
  fail(`Couldn't open log path "${values.logPath}": ${error.message}`, 2);
}

try {
  writeFileSync('/run/server.pid', `${process.pid}\n`);
} catch (error) {
  fail(`Couldn't write the pid file: ${error.message}`, 2);
}

if (existsSync('/host')) {
  try {
    appendFileSync('/host/visitors.txt', `started as uid ${process.getuid()}\n`);
  } catch (error) {
    fail(`Couldn't write to /host: ${error.message}`, 2);
  }
}

const server = createServer((request, response) => {
  writeSync(log, `Request: ${request.url}\n`);
  response.end('Hello!\n');
});
server.on('error', (error) => fail(`Error serving: listen tcp ${values.addr}: ${error.message}`, 1));
server.listen(Number(port), host, () => console.error(`Listening on "${values.addr}"`));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
