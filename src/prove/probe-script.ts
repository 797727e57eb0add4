/**
 * The program that runs inside the container's network namespace and talks to its ports. It is text because it is started as
 * `node -e`, by nsenter, as a process of its own. Input on stdin: [{ port, address }]; output: one JSON line of results.
 */
export const PROBE_SCRIPT: string = String.raw`
const net = require('node:net');
const tls = require('node:tls');
const targets = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const LIMIT = 65536;
// What clients of the common kinds of servers say first; tried in turn, on a new connection each, until the server says something back.
const hex = (text) => Buffer.from(text.replace(/ /g, ''), 'hex');
const openers = (path) => [
  ['http', Buffer.from('GET ' + path + ' HTTP/1.0\r\nHost: localhost\r\nUser-Agent: unroot\r\n\r\n')],
  ['line', Buffer.from('PING\r\n')],
  // PostgreSQL SSLRequest: the answer is one byte, S or N.
  ['postgresql', hex('00000008 04d2162f')],
  // MQTT 3.1.1 CONNECT, clean session, client "unroot".
  ['mqtt', hex('10 12 0004 4d515454 04 02 003c 0006 756e726f6f74')],
  // A handshake (RFC 8446), then HTTP inside: who takes the first and says nothing to the second has answered all the same.
  ['tls', Buffer.from('GET ' + path + ' HTTP/1.0\r\nHost: localhost\r\nUser-Agent: unroot\r\n\r\n')],
  // DNS over TCP: version.bind CH TXT.
  ['dns', hex('001e 4d2a 0100 0001 0000 0000 0000 07 76657273696f6e 04 62696e64 00 0010 0003')],
  // RFC 4511: anonymous bind.
  ['ldap', hex('300c 020101 6007 020103 0400 8000')],
  // FastCGI 1.0 section 4.1: which value of FCGI_MAX_CONNS.
  ['fastcgi', hex('01 09 0000 0010 00 00 0e00 464349475f4d41585f434f4e4e53')],
  // AMQP 0-9-1 section 4.2.2.
  ['amqp', hex('414d5150 00000901')],
  // RFC 1928: one method, none.
  ['socks', hex('050100')],
  ['zabbix', hex('5a425844 01 0a00000000000000 6167656e742e70696e67')],
  // Postfix's policy delegation protocol (SMTPD_POLICY_README): one request about a letter that nobody sends.
  ['policy', Buffer.from('request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=SMTP\nclient_address=192.0.2.1\nclient_name=unknown\nhelo_name=unroot.invalid\nsender=unroot@example.org\nrecipient=unroot@example.net\ninstance=unroot.1\n\n')],
  // The milter protocol: option negotiation as version 6, every action and every step offered.
  ['milter', hex('0000000d 4f 00000006 000001ff 001fffff')],
  // RFC 5531 over TCP: the portmapper's procedure 0.
  ['rpc', hex('80000028 756e726f 00000000 00000002 000186a0 00000002 00000000 00000000 00000000 00000000 00000000')],
  // gitprotocol-pack(5): a repository that nobody has; the refusal is a line of the protocol.
  ['git', Buffer.from('002bgit-upload-pack /unroot\0host=localhost\0', 'latin1')],
  // Four letters of ZooKeeper.
  ['ruok', Buffer.from('ruok')],
  // Erlang's port mapper: NAMES_REQ.
  ['epmd', hex('0001 6e')],
  // Kafka ApiVersions 0; CQL 4 OPTIONS.
  ['kafka', hex('00000010 0012 0000 00000001 0006 756e726f6f74')],
  ['cql', hex('04 00 0000 05 00000000')],
];
// What a reader sees of an error page.
const visible = (body) => body.replace(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 300) || undefined;
function talk(target, kind, opener) {
  return new Promise((resolve) => {
    let data = Buffer.alloc(0), asked = false, done = false, timer;
    const secured = kind === 'tls';
    // Old versions and weak keys too: it is asked whether somebody answers, not whom to trust.
    const socket = secured
      ? tls.connect({ host: target.address, port: target.port, rejectUnauthorized: false, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' })
      : net.connect({ host: target.address, port: target.port });
    let shaken = false;
    const finish = (result) => { if (!done) { done = true; clearTimeout(timer); socket.destroy(); resolve({ port: target.port, ...result }); } };
    const evaluate = () => {
      if (data.length === 0) return finish(shaken ? { outcome: 'reply', opener: kind, text: 'TLS' } : { outcome: 'silent' });
      const text = data.toString('latin1');
      const http = /^HTTP\/[0-9.]+ ([0-9]{3})/.exec(text);
      if (http) {
        const end = text.indexOf('\r\n\r\n');
        const type = /\r\ncontent-type:[ \t]*([^\r\n;]*)/i.exec(text.slice(0, end < 0 ? text.length : end + 2));
        return finish({ outcome: 'http', ...(secured ? { opener: kind } : {}), status: Number(http[1]), contentType: type ? type[1].trim() : undefined, bodyLength: end < 0 ? 0 : data.length - end - 4, text: Number(http[1]) >= 500 && end >= 0 ? visible(text.slice(end + 4)) : undefined });
      }
      const printable = /^[\x20-\x7e\t]+$/.test(text.split(/[\r\n]/, 1)[0]);
      const words = printable ? text.split(/[\r\n]/, 1)[0].slice(0, 120) : data.subarray(0, 4).toString('hex').replace(/../g, '\\x$&');
      finish({ outcome: asked || secured ? 'reply' : 'banner', ...(asked || secured ? { opener: kind } : {}), text: words });
    };
    const wait = (ms, then) => { clearTimeout(timer); timer = setTimeout(then, ms); };
    socket.on(secured ? 'secureConnect' : 'connect', () => {
      shaken = secured;
      wait(secured ? 0 : target.bannerMs, () => {
        asked = true;
        socket.write(opener);
        wait(target.replyMs, evaluate);
      });
    });
    // Nobody who does not speak it says so.
    if (secured) wait(target.opener === kind ? target.replyMs + 1500 : target.replyMs, evaluate);
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      // A banner ends with its line; a reply may come in pieces, so it gets a little longer.
      if (data.length >= LIMIT) return evaluate();
      wait(asked ? 200 : 100, evaluate);
    });
    socket.on('end', evaluate);
    // A refusal in TLS's own words (an alert: a certificate is wanted of us, a name is not served) is an answer.
    const alert = (error) => secured && /^ERR_SSL_.*ALERT/.test(error.code || '');
    socket.on('error', (error) => data.length > 0 || shaken ? evaluate() : alert(error) ? finish({ outcome: 'reply', opener: kind, text: error.code }) : finish({ outcome: error.code === 'ECONNREFUSED' || error.code === 'ENETUNREACH' || error.code === 'EADDRNOTAVAIL' ? 'refused' : 'silent', text: error.code }));
  });
}
async function ask(target) {
  const all = openers(target.path);
  // In the words it answered to the last time, patiently; else as HTTP, and when that brings nothing, all the others at once.
  const known = all.find(([kind]) => kind === target.opener);
  const first = await talk(target, ...(known || all[0]));
  // A TLS port to which plain HTTP is a bad request.
  const wrapped = !known && first.status === 400 ? await talk({ ...target, replyMs: 1000 }, ...all.find(([kind]) => kind === 'tls')) : undefined;
  if (wrapped && (wrapped.outcome === 'http' || wrapped.outcome === 'reply')) return again(target, all.find(([kind]) => kind === 'tls'), wrapped);
  if (first.outcome !== 'silent') return again(target, known || all[0], first);
  // By itself before the rest: some bar whoever knocks in many wrong ways at once.
  const secured = all.find(([kind]) => kind === 'tls');
  const inside = known === secured ? undefined : await talk({ ...target, replyMs: 1000 }, ...secured);
  if (inside && inside.outcome !== 'silent' && inside.outcome !== 'refused') return again(target, secured, inside);
  const others = await Promise.all(all.slice(1).filter((one) => one !== secured).map(([kind, opener]) => talk({ ...target, replyMs: 1000 }, kind, opener)));
  const said = others.find((result) => result.outcome !== 'silent' && result.outcome !== 'refused');
  if (!said) return { port: target.port, outcome: 'silent' };
  return again(target, all.find(([kind]) => kind === said.opener), said);
}
// A program may do at a later request what it did not do at the first (open its log, fill its cache): the first answer that differs is the one that counts.
async function again(target, opener, first) {
  if (!opener || first.outcome === 'refused') return first;
  const said = [];
  for (let turn = 0; turn < target.repeats; turn++) {
    const next = await talk({ ...target, bannerMs: first.outcome === 'banner' ? target.bannerMs : 0 }, ...opener);
    if (next.outcome !== first.outcome || next.status !== first.status) return next;
    said.push(next.text);
  }
  return first.text === undefined ? first : { ...first, said };
}
Promise.all(targets.map(ask)).then((results) => process.stdout.write(JSON.stringify(results) + '\n'));
`;
