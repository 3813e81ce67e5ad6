#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# clu simulate: its exit status, and what it says of a file that is wrong and of a story that does not come true.
set -eu
clu=cli/clu
test -x "$clu" || { echo "$clu is not built here" >&2; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# says STATUS TEXT, with the story on standard input
says() {
        cat > "$folder/story"
        status=0
        "$clu" simulate "$folder/story" > "$folder/output" 2>&1 || status=$?
        if [ "$status" != "$1" ] || ! grep -qF -e "$2" "$folder/output"; then
                echo "expected exit $1 and: $2"
                echo "got exit $status and:" && tail -5 "$folder/output"
                touch "$folder/failed" # a shell at the end of a pipe keeps its variables to itself
        fi
}

line() {
        printf 'nodes 3\nrole vm01 on n1\n%s\n' "$2" | says 2 "story:3: $1"
}

printf 'nodes 3\nrole vm01 on n1\nexpect role vm01 online on n1\n' | says 0 'It came as expected'
printf 'nodes 3\nrole vm01 on n1\nexpect role vm01 online on n2\n' | says 1 'story:3: seed 1: expect role vm01 online on n2: it is online on n1'
printf 'nodes 3\nrole vm01 on n1\nat 5s power-off n1\nexpect no outage vm01\n' | says 1 'its guest ran nowhere for'
printf 'nodes 3\nexpect event fence n1\n' | says 1 'it never came'
printf 'nodes 3\nat 5s power-off n1\nexpect no event power n1 off\n' | says 1 'it came at 5.000 s: power n1 off: power fails'
printf 'nodes 3\nat 5s power-off n1\nexpect event power n1 off after 6s\n' | says 1 'it came at 5.000 s'
printf 'nodes 3\nat 5s power-off n1\nexpect event power n1 off times 2\n' | says 1 'it came 1 times'
printf 'nodes 3\nat 5s power-off n1\nexpect order commit node-lost n1 then power n1 off\n' | says 1 "'power n1 off' came at 5.000 s, before 'commit node-lost n1'"
printf 'nodes 3\nat 5s power-off n1\nexpect node n1 up\n' | says 1 'it is down, active'
printf 'role vm01\n' | says 2 'story:1: say how many nodes there are first'
printf 'nodes 99\n' | says 2 "story:1: '99' is not a number from 1 to 64"
printf 'start cold\nnodes 2\nrole vm01\n' | says 2 'a cluster that starts cold has no roles'
line "no line begins with 'explode'" 'explode n1'
line "'EXPLODE' is no guard" 'guard EXPLODE'
line "there is no node 'n4': nodes are n1 to n3" 'at 5s power-off n4'
line "'explode' is nothing that can befall: partition, isolate" 'at 5s explode n1'
printf 'nodes 3\nat 5s explode n1\n' | says 2 'set-fence, propose, clu, calm, peace'
line "freeze needs a time: for 5s" 'at 5s freeze n1'
line "'wroks' is no habit of a fence device: works, busy" 'at 5s set-fence ipmi1 wroks'
line "'asign vm01 n2' is no proposal: " 'at 5s propose n3 asign vm01 n2'
line "'assign vm01 n2 stael' is no proposal: " 'at 5s propose n3 assign vm01 n2 stael'
line "'speed' is no setting: max-moves N, isolation-hold TIME" 'settings speed 3'
printf 'nodes 3\nfence each\nsettings quarantine-losses 1 quarantine 60min\nat 5s power-off n1 for 20s\nexpect node n1 quarantined\n' |
        says 0 'It came as expected'
line "'5' is not a time" 'at 5 power-off n1'
line "role move needs a name" 'at 5s clu role move --node n2'
line "role list changes nothing" 'at 5s clu role list'
line "role has no verb 'fly'" 'at 5s clu role fly vm01'
line "'happy' is not a state of a role" 'expect role vm01 happy'
line "'lunch' begins no event" 'when lunch do power-off n1'
line "a trigger is: when EVENT" 'when role vm01 moving power-off n1'
line "'fast' is nothing of a role" 'role vm02 fast'
line "role vm01 is there already" 'role vm01'
line "'hope' is nothing of a fence device" 'fence ipmi1 n1 hope'
line "order needs two events" 'expect order power n1 off'
line "'much' is too much here" 'end 5s much'
test ! -e "$folder/failed"
