#!/bin/sh
# Prepares what the server needs, and becomes it.
set -e
mkdir -p /var/lib/guestbook /var/log/guestbook
chmod 0700 /var/lib/guestbook
[ -f /var/lib/guestbook/entries ] || echo 'The first page' > /var/lib/guestbook/entries
exec "$@"
