/**
 * The program that runs inside the container's network namespace and talks to its ports. It is text because it is started as
 * `node -e`, by nsenter, as a process of its own. Input on stdin: [{ port, address }]; output: one JSON line of results.
 */
export const PROBE_SCRIPT: string = String.raw`
const net = require('node:net');
const targets = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const LIMIT = 65536;
function talk(target) {
  return new Promise((resolve) => {
    let data = Buffer.alloc(0), asked = false, done = false, timer;
    const socket = net.connect({ host: target.address, port: target.port });
    const finish = (result) => { if (!done) { done = true; clearTimeout(timer); socket.destroy(); resolve({ port: target.port, ...result }); } };
    const evaluate = () => {
      if (data.length === 0) return finish({ outcome: 'silent' });
      const text = data.toString('latin1');
      const http = /^HTTP\/[0-9.]+ ([0-9]{3})/.exec(text);
      if (http) {
        const end = text.indexOf('\r\n\r\n');
        const type = /\r\ncontent-type:[ \t]*([^\r\n;]*)/i.exec(text.slice(0, end < 0 ? text.length : end + 2));
        return finish({ outcome: 'http', status: Number(http[1]), contentType: type ? type[1].trim() : undefined, bodyLength: end < 0 ? 0 : data.length - end - 4 });
      }
      finish({ outcome: asked ? 'reply' : 'banner', text: text.split(/[\r\n]/, 1)[0].slice(0, 120) });
    };
    const wait = (ms, then) => { clearTimeout(timer); timer = setTimeout(then, ms); };
    socket.on('connect', () => wait(target.bannerMs, () => {
      asked = true;
      socket.write('GET ' + target.path + ' HTTP/1.0\r\nHost: localhost\r\nUser-Agent: unroot\r\n\r\n');
      wait(target.replyMs, evaluate);
    }));
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      // A banner ends with its line; a reply may come in pieces, so it gets a little longer.
      if (data.length >= LIMIT) return evaluate();
      wait(asked ? 200 : 100, evaluate);
    });
    socket.on('end', evaluate);
    socket.on('error', (error) => data.length > 0 ? evaluate() : finish({ outcome: error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'silent' : 'refused', text: error.code }));
  });
}
Promise.all(targets.map(talk)).then((results) => process.stdout.write(JSON.stringify(results) + '\n'));
`;
