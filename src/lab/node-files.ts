/** Small programs of a node: `unroot`, `check`, `hint`, `step`, `enter`, and what a shell there begins with. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Labs are started on the machine: what only a learner in a node types is answered there, or told where it belongs. */
const UNROOT = `#!/bin/sh
if [ "$1" = lab ]; then
  case "$2" in
    check|hint|step|answer|solve|reset)
      word=$2; shift 2
      case "$1" in [0-9][0-9]*) shift ;; esac
      exec "/opt/lab/bin/$word" "$@" ;;
    --help|-h|help|lint|export) ;;
    *)
      echo 'This is the node of a lab, which is thrown away with it: labs are started on the machine itself.' >&2
      echo '\`exit\` leaves it; what is done stays done. Here: check, hint, step, answer, solve, reset.' >&2
      exit 2 ;;
  esac
fi
exec /usr/local/bin/node /opt/unroot/unroot.js "$@"
`;

/** The few commands of it that labs need, answered by a cluster of this node alone (`cluster/`). */
const KUBECTL = `#!/bin/sh
exec /usr/local/bin/node /opt/unroot/unroot.js lab cluster -- "$@"
`;

/** Asks the player, over the socket it left in /run/lab; prints what it says. */
const ASK = String.raw`#!/usr/local/bin/node
// Asks the player, who looks from outside.
const http = require('node:http');
const path = '/' + require('node:path').basename(process.argv[1]) + '?' + new URLSearchParams({ columns: process.stdout.columns || 80, color: process.stdout.isTTY && !process.env.NO_COLOR ? 1 : 0, words: process.argv.slice(2).join(' ') });
const fail = (why) => { process.stderr.write('The player does not answer: ' + why + '\n'); process.exit(2); };
http.get({ socketPath: '/run/lab/player', path }, (answer) => {
  answer.pipe(process.stdout);
  answer.on('end', () => { process.exitCode = Number(answer.headers['x-exit'] || 0); });
}).on('error', (error) => fail(error.message));
`;

/** As kubectl exec would: namespaces of the container, identity of its main process, its environment. */
const ENTER = String.raw`#!/bin/bash
# enter [PID or word of a command line] [COMMAND…]: a shell inside a container, as its process's user.
set -u
own=$(readlink /proc/self/ns/pid)
inits() {
  for status in /proc/[0-9]*/status; do
    pid=$(basename "$(dirname "$status")")
    [ "$(readlink "/proc/$pid/ns/pid")" != "$own" ] || continue
    [ "$(sed -n 's/^NSpid:.*[[:space:]]//p' "$status" 2>/dev/null)" = 1 ] && echo "$pid"
  done
}
line() { tr '\0' ' ' <"/proc/$1/cmdline"; }
target=
if [[ "@{1-}" =~ ^[0-9]+$ ]]; then target=$1; shift; else
  found=()
  for pid in $(inits); do
    [ $# -eq 0 ] || [[ "$(line "$pid")" == *"$1"* ]] || continue
    found+=("$pid")
  done
  if [ "$(printf '%s\n' "$(inits)" | grep -c .)" = 0 ]; then
    starting=
    for pid in /proc/[0-9]*; do case "$(line "@{pid#/proc/}" 2>/dev/null)" in *'unroot.js run '*) starting=yes ;; esac; done
    echo "enter: no container is running@{starting:+ yet; one is being started}" >&2
    exit 1
  fi
  if [ @{#found[@]} -gt 1 ]; then
    echo 'enter: which one? enter PID' >&2
    for pid in "@{found[@]}"; do
      read -r _ uid _ <<<"$(grep ^Uid: "/proc/$pid/status")"
      echo "  $pid  uid $uid  $(line "$pid")" >&2
    done
    echo 'One started by mistake ends with: kill -9 PID' >&2
    exit 1
  fi
  if [ @{#found[@]} -eq 0 ]; then echo "enter: no container runs $1" >&2; exit 1; fi
  target=@{found[0]}
  [ $# -eq 0 ] || shift
fi
[ -r "/proc/$target/status" ] || { echo "enter: there is no process $target" >&2; exit 1; }
get() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$target/status"; }
read -r _ uid _ <<<"$(get Uid)"
read -r _ gid _ <<<"$(get Gid)"
read -r -a groups <<<"$(get Groups)"
caps() {
  local list=-all mask=$((16#$(get "$1"))) bit
  for bit in {0..40}; do if ((mask >> bit & 1)); then list+=",+cap_$bit"; fi; done
  echo "$list"
}
id=(--reuid "+$uid" --regid "+$gid")
if [ @{#groups[@]} -gt 0 ]; then id+=(--groups "$(IFS=,; printf '%s' "@{groups[*]/#/+}")"); else id+=(--clear-groups); fi
id+=(--bounding-set "$(caps CapBnd)" --inh-caps "$(caps CapInh)" --ambient-caps "$(caps CapAmb)")
[ "$(get NoNewPrivs)" = 0 ] || id+=(--no-new-privs)
mapfile -d '' -t env <"/proc/$target/environ"
[ $# -gt 0 ] || { if [ -x "/proc/$target/root/bin/bash" ]; then set -- /bin/bash; else set -- /bin/sh; fi; }
user=()
[ "$(readlink "/proc/$target/ns/user")" = "$(readlink /proc/self/ns/user)" ] || user=(-U --preserve-credentials)
cd /opt/lab/tools || exit 1
run=(./ld.so --library-path .)
[ -e ./ld.so ] || run=()
# With a terminal of its own, that is the session's: a shell there must find its own process group on it, not one from outside its PIDs.
# (In a user namespace nobody may take a terminal over.)
session=()
[ -z "@{LAB_TERMINAL-}" ] || [ @{#user[@]} -gt 0 ] || session=("@{run[@]}" ./setsid --ctty)
exec nsenter -t "$target" -m -u -i -n -p "@{user[@]}" --root="/proc/$target/root" --wd=/opt/lab/tools -- \
  "@{session[@]}" "@{run[@]}" ./setpriv "@{id[@]}" -- "@{run[@]}" ./env -i -C "$(readlink "/proc/$target/cwd")" "@{env[@]}" "TERM=@{TERM:-xterm}" "$@"
`.replaceAll('@{', '${');

const BASHRC = String.raw`# What a shell in the node begins with.
case $- in *i*) ;; *) return ;; esac
PS1='\[\e[1m\]\u@\h\[\e[0m\]:\w\$ '
HISTFILE=/root/.bash_history
alias ls='ls --color=auto' ll='ls -ln'
# Whoever looks for help here means the workshop's words, not bash's.
help() {
  [ $# -eq 0 ] || { builtin help "$@"; return; }
  cat <<'END'
check    how the step stands, and what is missing
step     its text again
hint     the next hint
answer   the question of a step: answer 2
enter    a shell in a container: enter [PID or WORD] [COMMAND…]
solve    does the step for you
reset    makes the node anew; what is done stays done
exit     leaves the lab
nano     is the editor; vi is there too (busybox's)
END
}
# Before each prompt: what has become green since the last one.
PROMPT_COMMAND='[ -z "$LAB_NEWS" ] || news'
`;

/** Writes them to a folder of the machine. */
export function nodeFiles(folder: string): void {
  const bin = join(folder, 'lab');
  mkdirSync(bin, { recursive: true, mode: 0o755 });
  const put = (file: string, text: string): void => {
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  };
  for (const name of ['check', 'hint', 'step', 'news', 'solve', 'reset', 'answer']) put(join(bin, name), ASK);
  put(join(bin, 'enter'), ENTER);
  put(join(bin, 'kubectl'), KUBECTL);
  put(join(folder, 'unroot'), UNROOT);
  put(join(folder, 'bashrc'), BASHRC);
}
