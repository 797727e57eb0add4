#!/bin/sh
# Runs the scripts of /docker-entrypoint.d, then becomes the command.
set -e
say() { echo "$0: $*"; }
case "$1" in
  nginx | nginx-debug)
    if [ -n "$(ls -A /docker-entrypoint.d 2>/dev/null)" ]; then
      say '/docker-entrypoint.d/ is not empty, will attempt to perform configuration'
      say 'Looking for shell scripts in /docker-entrypoint.d/'
      for script in /docker-entrypoint.d/*.sh; do
        say "Launching $script"
        "$script"
      done
      say 'Configuration complete; ready for start up'
    fi
    ;;
esac
exec "$@"
