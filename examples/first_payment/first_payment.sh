#!/bin/sh
# From a token to a payment link for a fetched bill, with curl alone.
#   first_payment.sh [URL]     URL: where the sandbox is, http://127.0.0.1:8080 by default
# CLIENT_ID and CLIENT_SECRET are those of the published demo app unless they are set.
set -eu

url=${1:-http://127.0.0.1:8080}
client_id=${CLIENT_ID:-app_demo00000000}
client_secret=${CLIENT_SECRET:-ots_openteller_demo_secret_for_local_play_only}
reference="order-$(date +%s)-$$"

# Show what curl's own --fail would hide: an error of the bank says in its body what to do.
call() {
  curl --silent --show-error --fail-with-body "$@"
}

# Read a member of a JSON text, such as data.0.biller_id.
member() {
  python3 -c '
import json, sys
text = sys.stdin.read()
try:
    value = json.loads(text)
    for step in sys.argv[1].split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
except (LookupError, TypeError, ValueError):
    sys.exit(f"there is no {sys.argv[1]} in the answer: {text}")
print(value)' "$1"
}

if ! curl --silent --output /dev/null "$url/v1/status"; then
  echo "no bank answers at $url: start one with openteller sandbox serve" >&2
  exit 1
fi

# The secret goes through standard input, so that no list of processes shows it.
token=$(printf 'user = "%s:%s"' "$client_id" "$client_secret" |
  call --config - --data grant_type=client_credentials "$url/oauth/token" | member access_token)

as_app() {
  printf 'header = "Authorization: Bearer %s"' "$token" | call --config - "$@"
}

biller_id=$(as_app --get "$url/v1/billers" --data-urlencode city=上海 --data category_code=ELECTRICITY | member data.0.biller_id)
account=$(as_app --get "$url/sandbox/v1/magic-values" --data "biller_id=$biller_id" | member data.0.inputs.account_number)
echo "biller    $biller_id"

fetched=$(as_app "$url/v1/bill-fetches" --header 'Content-Type: application/json' \
  --data "{\"biller_id\":\"$biller_id\",\"inputs\":{\"account_number\":\"$account\"},\"end_user_ref\":\"u_5f2d8a90c1b34e7788d0\"}")
bill_id=$(printf '%s' "$fetched" | member bills.0.bill_id)
echo "due       $(printf '%s' "$fetched" | member bills.0.outstanding.amount) CNY, by $(printf '%s' "$fetched" | member bills.0.due_date)"

payment=$(as_app "$url/v1/payments" --header 'Content-Type: application/json' --header "Idempotency-Key: $reference" \
  --data "{\"partner_reference\":\"$reference\",\"bill_ids\":[\"$bill_id\"]}")
echo "payment   $(printf '%s' "$payment" | member payment_id), $(printf '%s' "$payment" | member status)"
echo "link      $(printf '%s' "$payment" | member payment_link.url)"
echo "code4     $(printf '%s' "$payment" | member payment_link.code4)"
