/** An application as people publish it: a compose file, what lies beside it, and images that start as root. */
import type { ImageRecipe } from '../../support/debian-image.ts';

export interface Stack {
  readonly name: string;
  /** By the name that the compose file has. */
  readonly images: Readonly<Record<string, ImageRecipe | 'static'>>;
  /** Paths below the project's folder, and texts. */
  readonly files: Readonly<Record<string, string>>;
  /** `--probe SERVICE=LINE`: what a user adds who knows what the service is for. */
  readonly probe?: string;
}

/** Three words of the redis protocol, for programs without a library. */
export const REDIS_PY = `import socket
def redis(*words):
    link = socket.create_connection(('cache', 6379), 5)
    link.sendall(b'*%d\\r\\n' % len(words) + b''.join(b'$%d\\r\\n%s\\r\\n' % (len(w), w) for w in words))
    answer = link.recv(1000)
    link.close()
    return answer
`;

/** A page of one line for every request; `body` is Python that sets `said`. */
export const pagePy = (body: string, port: number): string => `import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
${body.replace(/^/gm, '        ')}
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain')
        self.end_headers()
        self.wfile.write(said)
http.server.ThreadingHTTPServer(('', ${port}), Page).serve_forever()
`;
