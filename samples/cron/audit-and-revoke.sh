#!/bin/sh
# List the shares that allowed.csv does not allow, and revoke them, if they are no
# more than 50: more of them are a sign that the allow list is wrong. Run it every
# night by cron, in a directory of its own:
#
#   47 2 * * *  cd audit && ./audit-and-revoke.sh
#
# It prints nothing when every share is allowed.
today=$(date +%F)
imsrevoke list --not-in allowed.csv --output "extra-$today.csv"
code=$?
# 0: every share is allowed. 1: the list is complete, and some are not. All else,
# above all 3, an incomplete list, is no basis for a revocation.
[ "$code" -eq 1 ] || exit "$code"
imsrevoke run "extra-$today.csv" --yes --max-rows 50 --report "revoked-$today.csv"
