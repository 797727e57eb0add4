#!/bin/sh
# Adds an IPv6 address to the default site, where the file can be changed.
set -e
file=/etc/nginx/conf.d/default.conf
name=$(basename "$0")
[ -f /proc/net/if_inet6 ] || { echo "$name: info: ipv6 not available"; exit 0; }
[ -f "$file" ] || { echo "$name: info: $file is not a file or does not exist"; exit 0; }
touch "$file" 2>/dev/null || { echo "$name: info: can not modify $file (read-only file system?)"; exit 0; }
echo "$name: info: Enabled listen on IPv6 in $file"
