/** Dockerfiles that are built for real, and pieces that others are made of. */

import type { ImageRecipe } from '../support/debian-image.ts';

const BASE = 'localhost/base:1';

/** The image behind that name. */
export const BASE_IMAGE: ImageRecipe = {
  name: 'build-base',
  packages: ['adduser', 'libcap2-bin'],
  entries: [
    { path: '/srv' },
    { path: '/srv/data', mode: 0o2775, gid: 50 },
    { path: '/srv/data/file', content: 'x\n', mode: 0o640 },
  ],
  config: { Cmd: ['bash'] },
};

export const dockerfiles: readonly string[] = [
  `FROM ${BASE}\nCOPY app /app\nWORKDIR /app\nUSER 1000\nCMD ["./server.sh"]\n`,
  `FROM ${BASE}\nRUN groupadd -r app && useradd -r -g app -d /srv/app -m app\nCOPY --chown=app:app app/ /srv/app/\nUSER app\nWORKDIR /srv/app\nENTRYPOINT ["/srv/app/server.sh"]\nCMD ["--now"]\n`,
  `FROM ${BASE} AS build\nWORKDIR /src\nCOPY app .\nRUN mkdir -p /out && cp -r static /out/static && cp server.sh /out/ && chmod 0555 /out/server.sh && chown -R 33:33 /out/static\nFROM ${BASE}\nCOPY --from=build /out/ /opt/app/\nCOPY --from=build --chown=1000:0 /out/static /var/www\nEXPOSE 80 8080/tcp 53/udp\nUSER 33:33\nCMD exec /opt/app/server.sh\n`,
  `ARG VARIANT=1\nARG TAG=base\nFROM localhost/\${TAG}:\${VARIANT}\nARG VARIANT\nARG UID=1234\nENV APP_UID=\${UID} HOME_DIR="/home/v\${VARIANT}"\nRUN mkdir -p "$HOME_DIR/a/b" && chown -R $APP_UID:0 $HOME_DIR && chmod -R g=u $HOME_DIR\nUSER \${APP_UID}\nWORKDIR \${HOME_DIR}\n`,
  `FROM ${BASE}\nRUN adduser --system --group --no-create-home svc && adduser --disabled-password --gecos "" person\nRUN install -d -o svc -g svc -m 0750 /var/lib/svc /run2/svc\nUSER svc\nCMD ["sleep", "1000"]\n`,
  `FROM ${BASE}\nCOPY --chmod=0750 --chown=5:6 entry.sh /usr/local/bin/start\nRUN setcap cap_net_bind_service=+ep /usr/local/bin/start && ln -s /usr/local/bin/start /start && cp /usr/local/bin/start /copy && cp -p /usr/local/bin/start /kept && mv /copy /moved\nENTRYPOINT ["/start"]\n`,
  `FROM ${BASE}\nRUN touch /srv/data/new && mkdir /srv/data/sub && echo hello > /srv/hello && printf 'a\\n' >> /srv/hello && chmod u+s,g+w /srv/hello && chown 7 /srv/hello\nRUN rm -rf /srv/data/file && umask 077 && mkdir -p /srv/private/deep && touch /srv/private/f\nVOLUME /srv/data\n`,
  `FROM ${BASE}\nWORKDIR /a\nWORKDIR b/c\nCOPY notes.txt entry.sh ./\nCOPY app/static/*.html html/\nCOPY app/config/app.conf renamed.conf\nADD app/static /a/b/c/html\nRUN for d in one two; do mkdir -p "/data/$d" && chown 1:2 "/data/$d"; done; chmod 1777 /data\n`,
  `FROM ${BASE}\nRUN useradd -u 4242 -U -m first && useradd second && useradd -r third && usermod -aG first second\nUSER second\nRUN mkdir -p /tmp/mine/x && touch /tmp/mine/x/y && chmod 700 /tmp/mine\nUSER root\nCOPY app /tmp/mine/app\nUSER second:first\n`,
  `FROM ${BASE} AS one\nENV A=1\nCMD ["one"]\nUSER 5\nFROM one AS two\nENTRYPOINT ["two"]\nFROM two\nENV B=$A$A\n`,
  `FROM scratch\nCOPY app/server.sh /server\nCOPY app/static /static\nUSER 65532:65532\nENTRYPOINT ["/server"]\n`,
];

/** Archives that ADD unpacks, and files that only look like one. */
export const archives: readonly string[] = [
  `FROM ${BASE}\nADD plain.tar /srv/plain\nADD packed.tgz /srv/packed/\nADD notes.gz /srv/\nCOPY plain.tar /srv/kept/\n`,
  `FROM ${BASE}\nRUN mkdir -p /srv/there/bin && chmod 0700 /srv/there/bin && chown 9:9 /srv/there\nADD packed.tgz plain.tar notes.txt /srv/there/\nUSER 33\nCMD ["/srv/there/bin/tool"]\n`,
  `FROM scratch\nADD plain.tar /\nWORKDIR /bin\n`,
  `FROM ${BASE}\nADD other.tbz2 /srv/two/\nADD other.tar.xz /srv/three\nADD rootfs.img /srv/four/\nCOPY other.tar.xz /srv/kept/\n`,
];

/** Each by itself makes sense behind any of the others. */
export const pieces: readonly string[] = [
  'RUN mkdir -p /opt/a/b && chown 1000:1000 /opt/a/b',
  'RUN mkdir -m 0700 /opt/m',
  'RUN groupadd --gid 3000 web; useradd --uid 3000 --gid web --create-home --shell /usr/sbin/nologin web',
  'RUN useradd --system --no-create-home daemon2',
  'RUN useradd plain',
  'RUN groupadd -r sysgroup',
  'RUN addgroup --system agroup && adduser --system --ingroup agroup --home /var/lib/auser auser',
  'RUN adduser --disabled-password --gecos "" --no-create-home --uid 5000 five',
  'COPY app /opt/app',
  'COPY app/ /opt/app2/',
  'COPY --chown=1000 app/static /opt/static',
  'COPY --chown=1000:33 --chmod=0640 notes.txt /opt/notes/',
  'COPY --chown=daemon entry.sh /opt/entry',
  'COPY entry.sh notes.txt /opt/both/',
  'COPY . /opt/all/',
  'ADD --chown=www-data:www-data app /var/www/html',
  'WORKDIR /work/dir',
  'WORKDIR sub',
  'USER 1000:1000\nWORKDIR /made/by/user\nUSER 0',
  'RUN chmod -R a+rX,go-w /srv && chmod g+s /srv',
  'RUN chown -R www-data /srv/data',
  'RUN chgrp -R 0 /srv && chmod -R g=u /srv',
  'RUN cp -a /srv/data /srv/copy && cp -r /srv/data /srv/plain && chown -R nobody:nogroup /srv/copy',
  'RUN echo "x" > /etc/app.conf && chmod 0400 /etc/app.conf',
  'RUN install -D -m 0755 -o games /bin/true /opt/tools/true',
  'RUN cp /bin/true /opt/true && setcap cap_net_bind_service,cap_net_raw=ep /opt/true',
  'RUN ln -sf /dev/stdout /var/tmp/out.log && ln -s target /opt/link',
  'RUN touch /var/tmp/a /var/tmp/b && mv /var/tmp/a /var/tmp/c && rm -f /var/tmp/b',
  'RUN sed -i "s/x/y/" /srv/data/file',
  'ENV PATH=/opt/bin:$PATH LEVEL=3',
  'ENV GREETING hello world',
  'EXPOSE 8080 9000/udp',
  'VOLUME ["/var/lib/one", "/var/lib/two"]',
  'CMD ["a", "b"]',
  'CMD echo hello $USER',
  'ENTRYPOINT ["/opt/app/server.sh"]',
  'ENTRYPOINT exec top -b',
  'USER 33',
  'USER root',
  'USER www-data:games',
  'USER 0:0',
];
