/** What clients of services say: command lines that need nothing but a shell. */

/** One question to a running service. `beside`: in a container of the untouched image, as root, that shares nothing with it but the network. `inside`: in the container, as its user. */
export interface Question {
  readonly where: 'beside' | 'inside';
  readonly argv: readonly string[];
}

export interface Client {
  /** Asked in turn. */
  readonly ask: readonly Question[];
  /** Must be in what all of them print, in this order. */
  readonly says: RegExp;
}

export const sh = (line: string): Question => ({ where: 'beside', argv: ['/bin/bash', '-c', line] });
export const inside = (line: string): Question => ({ where: 'inside', argv: ['/bin/sh', '-c', line] });

/** One HTTP request. */
export const http = (port: number, path = '/', method = 'GET', body = ''): Question =>
  sh(
    `exec 3<>/dev/tcp/127.0.0.1/${port}; printf '${method} ${path} HTTP/1.0\\r\\nHost: x\\r\\nContent-Length: ${body.length}\\r\\n\\r\\n${body}' >&3; timeout 10 cat <&3`,
  );

/** Lines sent to a port one at a time, each after an answer to the one before; the server speaks first if `greets`. */
export const dialog = (port: number, lines: readonly string[], greets = true): Question =>
  sh(
    [
      `exec 3<>/dev/tcp/127.0.0.1/${port}`,
      ...(greets ? ['read -r -t 15 said <&3; echo "$said"'] : []),
      ...lines.map(
        (line) =>
          `printf '%s\\r\\n' $'${line.replaceAll('\r\n', '\\r\\n').replaceAll("'", "\\'")}' >&3; read -r -t 5 said <&3; echo "$said"`,
      ),
      'timeout 1 cat <&3; true',
    ].join('; '),
  );

export const mail = (to: string): Question =>
  dialog(25, [
    'HELO client',
    'MAIL FROM:<a@localhost>',
    `RCPT TO:<${to}>`,
    'DATA',
    'Subject: hello\r\n\r\nthe letter\r\n.',
    'QUIT',
  ]);
