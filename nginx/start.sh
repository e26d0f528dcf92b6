#!/bin/sh
# Starts nginx in Docker: writes landing.conf, as `manage.py serve` does for its own nginx
# (files/storage/landing.py). With FILES_LANDING=true this start gets a folder of its own, whose lock
# (descriptor 9) nginx inherits, and a key. The folders of starts that have ended are removed.
set -eu
landing=${LANDING_FOLDER:-/app/data/uploads/landing}
conf=${LANDING_CONF:-/run/landing.conf}
umask 077

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# The words that the backend takes for yes, in any case.
case $(printf %s "${FILES_LANDING:-false}" | tr '[:upper:]' '[:lower:]') in
true | on | ok | y | yes | 1)
    for folder in "$landing"/????????????????????????????????; do
        if [ -d "$folder" ] && [ ! -L "$folder" ] && (flock -n 8) 8<"$folder"; then
            rm -rf "$folder"
        fi
    done
    start=$(random 16)
    key=$start.$(random 32)
    mkdir "$landing/$start"
    exec 9<"$landing/$start"
    flock -n 9
    printf '%s' "$key" >"$landing/$start/key"
    chown -R "${LANDING_OWNER:-nginx:nginx}" "$landing/$start"
    body=$landing/$start
    ;;
*)
    key=
    body=${LANDING_BODY:-/var/cache/nginx/body}
    ;;
esac
printf 'client_body_temp_path "%s";\nmap $host $landing_key { default "%s"; }\n' "$body" "$key" >"$conf"
exec "$@"
