#!/bin/sh
# Makes Dremio's first user from .env; a Dremio that has one answers to its password instead.
# DREMIO_URL and ADMIN_PASSWORD_FILE: where it is and where the password lies, if elsewhere.
set -eu
dremio=${DREMIO_URL:-http://dremio:9047}
quoted() { printf '"%s"' "$(printf %s "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"; }
password=$(cat "${ADMIN_PASSWORD_FILE:-/run/secrets/admin_password}")
login="{\"userName\": $(quoted "$ADMIN_USER"), \"password\": $(quoted "$password")}"
first="{\"userName\": $(quoted "$ADMIN_USER"), \"password\": $(quoted "$password"),
  \"firstName\": \"Lakelet\", \"lastName\": \"Admin\", \"email\": \"admin@lakelet.local\",
  \"createdAt\": $(date +%s)000}"

# send METHOD PATH BODY [HEADER]: prints the status; bodies go by standard input, not as arguments
send() {
  printf %s "$3" | curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' -X "$1" -H 'Content-Type: application/json' \
    ${4:+-H "$4"} --data-binary @- "$dremio$2"
}

if [ "$(send POST /apiv2/login "$login")" = 200 ]; then
  echo "Dremio knows $ADMIN_USER"
  exit 0
fi
made=$(send PUT /apiv2/bootstrap/firstuser "$first" 'Authorization: _dremionull')
if [ "$made" != 200 ] || [ "$(send POST /apiv2/login "$login")" != 200 ]; then
  echo "Dremio did not take $ADMIN_USER (status $made): it has another first user, or this user" \
    "has another password than ADMIN_PASSWORD in .env; change either in Dremio or in .env" >&2
  exit 1
fi
echo "made Dremio's first user $ADMIN_USER"
